"""`lstmtui evaluate RUN FILE`: the figures of a trained run on other data.

`EVALUATIONS` names what measures the runs of each purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lstmtui.cli.evaluate_arguments import EvaluateArguments, check_options
from lstmtui.cli.evaluate_captions import evaluate_captions
from lstmtui.cli.evaluate_speech import evaluate_speech
from lstmtui.cli.evaluate_text import evaluate_text
from lstmtui.cli.evaluate_translation import evaluate_translation
from lstmtui.cli.options import resolve_run
from lstmtui.cli.signature import takes
from lstmtui.runs.folder import RunFolder

EVALUATIONS: Mapping[str, Callable[[RunFolder, EvaluateArguments], int]] = {
    "text": evaluate_text,
    "translation": evaluate_translation,
    "speech": evaluate_speech,
    "captions": evaluate_captions,
}


@takes(EvaluateArguments)
def evaluate(args: EvaluateArguments) -> int:
    """Measure a trained run on other data: how it predicts a text, translates, transcribes or describes pictures.

    With --dynamic a copy of the weights keeps learning from the text, after each 20 tokens that it has predicted, and
    decays towards the trained ones (Krause et al. 2018). It shows how much adaptation gains on a text of one subject
    and style; figures without it are printed too, and checkpoints are never changed.

    With --autocomplete the text is typed word by word, looking at the first 1, 3 or 5 suggestions before each letter.
    When the intended word is among them, one keystroke accepts it with the space after it; until then every
    character costs one, as does everything that is not a word (with --apart, line ends do not count). In scripts
    without spaces each character is a word, and a correct suggestion writes all its characters.

    A run that translates is evaluated on two files, sources and references, or one table of both; the lines of a table
    with the same source are its references. It prints BLEU and chrF with their signatures (sacreBLEU), and the
    keystrokes that its suggestions save where the references are typed.

    A run of speech is evaluated on folders of recordings with their texts, or manifests, as 'lstmtui train' reads them;
    of a manifest with a column split, on the rows for the test. It prints word and character error rates: words (or
    characters) that are wrong, missing or too many, for each one of the texts; also by speaker, where they are named.

    A run of captions is evaluated on pictures with their captions, as 'lstmtui train' reads them; of a table with a
    column split, on the rows for the test. It prints the part of the captions that are a reference word for word, the
    F1 of their words by picture and by concept (column base), BLEU and CIDEr-D.

    [bold]saved[/bold] = 1 - keystrokes / characters.
    [bold]each once[/bold] = the same, when a rejected suggestion is not shown again for the word, and others take its
    place.
    [bold]hit[/bold] = share of words suggested before any letter of them.
    [bold]MRR[/bold] = mean of 1 / rank there, 0 beyond five.
    [bold]coverage[/bold] = share of the positions before a letter, among those that a typist with one suggestion
    reaches, where its probability reaches the threshold.
    [bold]precision[/bold] = share of these where it is right.
    [bold]ghost[/bold] = saved when only these are shown.
    [bold]latency[/bold] = milliseconds a key press for the beginning of the text, five candidates, one thread: half,
    90 % and 99 % of the presses take no longer than p50, p90 and p99.
    [bold]network[/bold] leaves out the index of the training text.
    [bold]adapted[/bold] adds what was typed so far and the profile.
    """
    from lstmtui import config

    run = resolve_run(args.run, args.runs_dir)
    purpose = config.load(run.config).data.purpose
    purpose = purpose if purpose in EVALUATIONS else "text"
    check_options(args, purpose)
    return EVALUATIONS[purpose](run, args)
