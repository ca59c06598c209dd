"""stub"""
from pathlib import Path


def require_weights(settings): return Path('/tmp/lm/m.gguf')
