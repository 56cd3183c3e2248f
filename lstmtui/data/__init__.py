"""From the names of a corpus to batches of token ids.

reading, folders, parts    names > sources of text, checked and converted to UTF-8
corpus, splits             settings > train, valid and test text, and their tokens (Dataset)
tokens, token_files        text > token ids, stored in the cache and memory-mapped
batches                    token ids > windows of T steps for B parallel streams
"""
