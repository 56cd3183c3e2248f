import dataclasses

import pytest

from lstmtui import recipe
from lstmtui.config import CELLS, TOKENS, Settings, check_together, resolve
from lstmtui.errors import UsageError
from lstmtui.recipe import text as of_text

NEVER_CHOSEN = {"minutes", "epochs", "steps", "vocabulary"}


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("size", [1, 300, 50_000, 5_000_000, 10**12])
def test_no_field_is_open_and_no_two_contradict(tokens, size):
    s = recipe.resolve(Settings(corpus=("x",), tokens=tokens), corpus_bytes=size)
    still_open = {f.name for f in dataclasses.fields(s) if getattr(s, f.name) is None}
    assert still_open <= NEVER_CHOSEN
    assert s.length.minutes is not None
    check_together(Settings(**s.flat()))


def test_given_settings_are_unchanged():
    given = Settings(corpus=("x",), cell="gru", hidden=100, batch=7, steps=9, dropout=0.0, tied=False, eval_every=3)
    s = recipe.resolve(given, corpus_bytes=10**6)
    for name in ("cell", "hidden", "batch", "steps", "dropout", "tied", "eval_every"):
        assert s.value(name) == getattr(given, name)
    assert s.length.minutes is None


@pytest.mark.parametrize("length", [{"minutes": 3.0}, {"epochs": 2.0}, {"steps": 7}])
def test_a_given_length_is_the_only_one(length):
    s = recipe.resolve(Settings(corpus=("x",), **length), corpus_bytes=10**6)
    assert {s.length.unit: s.length.amount} == length


def test_a_run_from_another_one_is_short_and_takes_smaller_steps():
    alone = recipe.resolve(Settings(corpus=("x",), tokens="words", hidden=64, minutes=2.0), corpus_bytes=200_000)
    after = recipe.resolve(Settings(corpus=("x",), tokens="words", hidden=64, start="/runs/x"), corpus_bytes=200_000)
    assert after.length.minutes == 2.0
    assert after.optimisation.lr == pytest.approx(of_text.LR_FROM_START * alone.optimisation.lr)
    assert (after.data.vocabulary, alone.data.vocabulary) == (None, None)
    of_pieces = recipe.resolve(Settings(corpus=("x",), tokens="bpe", start="/runs/x", steps=5), corpus_bytes=200_000)
    assert (of_pieces.data.vocabulary, of_pieces.length.minutes) == (None, None)


def test_the_recipe_is_a_pure_function():
    s = Settings(corpus=("x",))
    assert recipe.resolve(s, corpus_bytes=12_345) == recipe.resolve(s, corpus_bytes=12_345)


def test_a_short_text_still_fills_its_windows():
    for size in (200, 1000, 10_000):
        s = recipe.resolve(Settings(corpus=("x",)), corpus_bytes=size)
        assert s.length.batch * s.length.bptt < 0.9 * size
        assert s.run.eval_every >= 20


def test_a_text_read_many_times_gets_more_dropout():
    def dropout(size, **length):
        return recipe.resolve(Settings(corpus=("x",), **length), corpus_bytes=size).regularisation.dropout

    assert dropout(2_200_000, minutes=3.0) == 0
    assert 0 < dropout(1_100_000, minutes=3.0) < dropout(50_000, minutes=10.0)
    assert dropout(50_000, epochs=1.0) == 0
    assert dropout(50_000, steps=10_000) > 0


def test_tied_weights_have_one_size():
    s = recipe.resolve(Settings(corpus=("x",), tokens="words", hidden=64), corpus_bytes=10**6)
    assert s.network.tied
    assert s.network.embedding == 64
    assert not recipe.resolve(Settings(corpus=("x",), tokens="words", embedding=50), corpus_bytes=10**6).network.tied
    assert recipe.resolve(Settings(corpus=("x",), tied=True, hidden=300), corpus_bytes=10**6).network.embedding == 300


def test_the_width_for_words_follows_from_the_time(monkeypatch):
    monkeypatch.setattr(of_text, "training_flops", lambda precision: 55e9)

    def chosen(minutes, size=5_000_000):
        given = Settings(corpus=("x",), tokens="words", minutes=minutes, threads=2, precision="float32")
        return recipe.resolve(given, corpus_bytes=size)

    short, hour, day = chosen(5.0), chosen(60.0), chosen(1440.0)
    assert short.network.hidden == 200 < hour.network.hidden < day.network.hidden == 650
    assert short.regularisation.dropout < hour.regularisation.dropout < day.regularisation.dropout
    assert all(s.network.embedding == s.network.hidden and s.network.tied for s in (short, hour, day))
    assert chosen(60.0, size=50_000).network.hidden < 200  # too short a text for more


def test_words_that_are_read_often_have_activation_penalties():
    def chosen(epochs, **given):
        return recipe.resolve(Settings(corpus=("x",), epochs=epochs, **given), corpus_bytes=5_000_000)

    once, often = chosen(1.0, tokens="words"), chosen(9.0, tokens="words")
    assert once.regularisation.activation_reg == once.regularisation.temporal_reg == 0
    assert often.regularisation.activation_reg > 0 < often.regularisation.temporal_reg
    assert chosen(9.0, tokens="words", activation_reg=0.0).regularisation.activation_reg == 0
    assert chosen(9.0, tokens="chars").regularisation.activation_reg == 0


def test_words_that_are_read_few_times_have_a_higher_learning_rate():
    def lr(epochs, tokens="words"):
        return recipe.resolve(
            Settings(corpus=("x",), epochs=epochs, tokens=tokens), corpus_bytes=5_000_000
        ).optimisation.lr

    assert lr(12.0) < lr(5.0) < lr(1.0)
    assert lr(12.0, "chars") == lr(1.0, "chars")


def test_a_long_run_evaluates_less_often_on_more():
    short, long = (recipe.resolve(Settings(corpus=("x",), minutes=m), corpus_bytes=5_000_000) for m in (3.0, 30.0))
    assert long.run.eval_every > short.run.eval_every
    assert long.run.eval_tokens / long.run.eval_every == short.run.eval_tokens / short.run.eval_every


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_a_recipe(cell):
    assert recipe.resolve(Settings(corpus=("x",), cell=cell), corpus_bytes=10**6).network.cell == cell


def for_autocomplete(text=b"", size=5_000_000, **given):
    chosen = resolve({"purpose": "autocomplete", "corpus": ("x",), **given}, environ={})
    return recipe.resolve(chosen, corpus_bytes=size, beginning=text)


def test_autocomplete_uses_words_for_a_text_of_plain_words():
    assert for_autocomplete(b"what's up\nnot much\n").data.tokens == "words"
    assert for_autocomplete("what’s up\n".encode()).data.tokens == "words"
    assert for_autocomplete(b"What's up?\n").data.tokens == "bpe"
    assert for_autocomplete(b"What's up?\n", tokens="chars").data.tokens == "chars"
    assert recipe.resolve(Settings(corpus=("x",), tokens="auto"), corpus_bytes=99).data.tokens == "chars"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("你好，世界。\n", "chars"), ("你好世界\n", "chars"), ("日本語のテキスト", "chars"),
        ("ภาษาไทย ไม่เว้นวรรค\n", "chars"), ("ភាសាខ្មែរ", "chars"), ("acgttgca" * 9, "chars"),
        ("ACGTTGCA" * 9 + "\n", "chars"),
        ("हिन्दी में लिखें\n", "words"), ("می‌خواهم کتاب\n", "words"), ("한국어 문장\n", "words"),
        ("größe naïve\r\n", "words"), ("हिन्दी में लिखें।\n", "bpe"), ("Größe naïve", "bpe"), ("a word—another", "bpe"),
        ("|: G3 E | D2 :|\n", "bpe"),
        (f"see https://example.org/{'x' * 40} for more of what is to be read there", "bpe"),
    ],
)  # fmt: skip
def test_autocomplete_chooses_tokens_by_the_text(text, tokens):
    assert for_autocomplete(text.encode()).data.tokens == tokens
    assert for_autocomplete((text * 9).encode()[:-1]).data.tokens == tokens  # it may be cut within a character


@pytest.mark.parametrize("size", [1, 300, 50_000, 5_000_000, 10**12])
@pytest.mark.parametrize("tokens", ["words", "bpe", "bytes"])
def test_autocomplete_leaves_no_field_open(tokens, size):
    s = for_autocomplete(size=size, tokens=tokens)
    assert {f.name for f in dataclasses.fields(s) if getattr(s, f.name) is None} <= NEVER_CHOSEN
    check_together(Settings(**s.flat()))


def test_autocomplete_networks_grow_with_text_and_time():
    def hidden(**given):
        return for_autocomplete(b"Hi.", **given).network.hidden

    assert hidden(size=50_000, minutes=3.0) < hidden(size=5_000_000, minutes=60.0)
    assert hidden(size=50_000_000, minutes=3.0) < hidden(size=50_000_000, minutes=3000.0)
    assert for_autocomplete(minutes=100.0).regularisation.dropout > for_autocomplete(minutes=1.0).regularisation.dropout
    assert for_autocomplete(hidden=77).network.hidden == 77


def test_autocomplete_networks_are_narrower_on_slower_processors(monkeypatch):
    sizes = []
    for speed in (125e9, 55e9):
        monkeypatch.setattr(of_text, "training_flops", lambda precision, speed=speed: speed)
        sizes.append(for_autocomplete(b"Hi.", minutes=20.0, threads=2).network.hidden)
    assert sizes[1] < sizes[0]


def test_a_window_that_would_fill_the_memory_is_recomputed(monkeypatch):
    monkeypatch.setattr(of_text, "machine_memory_bytes", lambda: 4 * 24 * 32 * 1000 * 2 * 512)
    sizes = {"hidden": 512, "batch": 32, "corpus": ("x",)}
    assert not recipe.resolve(Settings(bptt=1000, **sizes), corpus_bytes=10**9).run.recompute
    assert recipe.resolve(Settings(bptt=1001, **sizes), corpus_bytes=10**9).run.recompute
    assert not recipe.resolve(Settings(bptt=1001, recompute=False, **sizes), corpus_bytes=10**9).run.recompute


def test_large_alphabets_have_the_recipe_of_words():
    chinese = "".join(chr(0x4E00 + i) for i in range(1000)).encode()
    s = recipe.resolve(Settings(corpus=("x",), minutes=5.0), corpus_bytes=1_600_000, beginning=chinese)
    assert (s.data.tokens, s.network.layers, s.network.tied, s.data.vocabulary) == ("chars", 1, True, None)
    assert s.network.embedding == s.network.hidden
    alphabet = recipe.resolve(Settings(corpus=("x",), minutes=5.0), corpus_bytes=1_600_000, beginning=b"abc " * 999)
    assert alphabet == recipe.resolve(Settings(corpus=("x",), minutes=5.0), corpus_bytes=1_600_000)
    assert for_autocomplete(chinese).data.tokens == "chars"
    assert {f.name for f in dataclasses.fields(s) if getattr(s, f.name) is None} <= NEVER_CHOSEN


def test_a_text_is_not_read_for_a_test_of_memory():
    with pytest.raises(UsageError, match="'lstmtui memory' makes such runs"):
        recipe.resolve(Settings(corpus=("x",), purpose="memory"), corpus_bytes=10**6)
