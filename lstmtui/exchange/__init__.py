"""Files of other programs: metrics as tables, weights and tokenizers as PyTorch, Hugging Face and ONNX have them."""
