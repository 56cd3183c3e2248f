"""From names a person types to batches of token ids: sources, tokenizers, token files, streams.

corpus.prepare     names -> Dataset (a tokenizer and three memory-mapped token files)
batches.Streams    token file -> windows of T steps for B parallel streams
"""
