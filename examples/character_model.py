"""A small transformer and an LSTM of the same size learn to write Python's own documentation.

    pip install -e ".[examples]"
    python -m examples.character_model          # both, and a sample of each: about two minutes

    pip install -e ".[examples,torch]"
    python -m examples.character_model --torch  # the same in PyTorch too, on the same batches

The text is what `help()` shows, which comes with Python (`pydoc_data.topics`). A model reads 64
characters, and says after each of them which one comes next. What is measured is how many bits it
needs for a character of a part that it was not trained on; a uniform guess among the characters
needs 6.5 of them.
"""

import argparse
from importlib.util import find_spec
from math import log
from pydoc_data.topics import topics

import numpy as np

from handgrad import (
    GELU,
    LSTM,
    AdamW,
    CrossEntropy,
    Embedding,
    LayerNorm,
    LearnedPositionalEncoding,
    Linear,
    Model,
    MultiHeadAttention,
    Residual,
    Trainer,
    evaluating,
)

CONTEXT, WIDTH, HEADS, BATCH_SIZE = 64, 64, 4, 32
TEXT = "\n\n".join(topics[name] for name in sorted(topics))
SYMBOLS = sorted(set(TEXT))
CODES = np.array([SYMBOLS.index(symbol) for symbol in TEXT])
TRAINING, HELD_OUT = np.split(CODES, [len(CODES) * 9 // 10])


def build_transformer(rng, dtype="float32"):
    """Return two blocks of attention to all characters so far, and of a network for each."""
    options = {"init": "glorot_uniform", "bias_init": "zeros", "rng": rng, "dtype": dtype}
    parts = [
        Embedding(len(SYMBOLS), WIDTH, rng=rng, dtype=dtype),
        LearnedPositionalEncoding(CONTEXT, WIDTH, rng=rng, dtype=dtype),
    ]
    for _ in range(2):
        attention = MultiHeadAttention(WIDTH, HEADS, causal=True, rng=rng, dtype=dtype)
        widen, narrow = Linear(WIDTH, 4 * WIDTH, **options), Linear(4 * WIDTH, WIDTH, **options)
        parts += [
            Residual(Model([LayerNorm(WIDTH, dtype=dtype), attention])),
            Residual(Model([LayerNorm(WIDTH, dtype=dtype), widen, GELU("tanh"), narrow])),
        ]
    return Model([*parts, LayerNorm(WIDTH, dtype=dtype), Linear(WIDTH, len(SYMBOLS), **options)])


def build_lstm(rng, dtype="float32"):
    """Return two recurrent layers, about as large in all."""
    return Model(
        [
            Embedding(len(SYMBOLS), WIDTH, rng=rng, dtype=dtype),
            LSTM(WIDTH, 96, rng=rng, dtype=dtype),
            LSTM(96, 96, rng=rng, dtype=dtype),
            Linear(96, len(SYMBOLS), init="glorot_uniform", rng=rng, dtype=dtype),
        ]
    )


MODELS = {"transformer": build_transformer, "LSTM": build_lstm}


class Windows:
    """So many minibatches of an epoch: windows of the text, and the same one character on."""

    def __init__(self, codes, steps, seed):
        self.codes, self.steps, self.seed = codes, steps, seed

    def __len__(self):
        return self.steps

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        for _ in range(self.steps):
            starts = rng.integers(0, len(self.codes) - CONTEXT - 1, BATCH_SIZE)
            windows = self.codes[starts[:, None] + np.arange(CONTEXT + 1)]
            yield windows[:, :-1], windows[:, 1:]


def sample(model, rng, length, temperature=0.7):
    """Let a model write on: each next character is drawn by how likely the model holds it.

    The largest logit after Gumbel noise is added is a draw from their softmax.
    """
    codes = [SYMBOLS.index(symbol) for symbol in "The "]
    with evaluating():
        for _ in range(length):
            logits = model.apply(np.array([codes[-CONTEXT:]]))[0][0, -1] / temperature
            codes.append(int(np.argmax(logits + rng.gumbel(size=len(SYMBOLS)))))
    return "".join(SYMBOLS[code] for code in codes)


def main(argv=None):
    """Train both models, print the bits a character that they need, and let them write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=150, help="minibatches of an epoch")
    parser.add_argument("--length", type=int, default=400, help="characters of a sample")
    parser.add_argument("--torch", action="store_true", help="PyTorch beside it")
    parser.add_argument("--plot", default="character_model.png")
    options = parser.parse_args(argv)

    held_out = list(Windows(HELD_OUT, 40, seed=1))
    bits, curves, texts = {}, {}, {}
    for name, build in MODELS.items():
        rng = np.random.default_rng(0)
        model = build(rng)
        print(f"\n{name}, {model.parameters.size:,} parameters")
        optimizer = AdamW(lr=0.003, max_norm=1.0)
        if options.torch:
            from examples.torch_character_model import train

            loss = train(name, model, options, held_out, optimizer)
            bits[f"{name}, PyTorch"] = loss / log(2)
        trainer = Trainer(model, CrossEntropy(), optimizer, rng=rng)
        for epoch in range(options.epochs):
            windows = Windows(TRAINING, options.steps, seed=100 + epoch)  # others in each epoch
            # A training goes on where it was, until so many epochs are done in all.
            history = trainer.fit(windows, epochs=epoch + 1, validation_data=held_out)
        bits[name] = history["validation_loss"][-1] / log(2)
        curves[name] = np.array(history["validation_loss"]) / log(2)
        texts[name] = sample(model, rng, options.length)

    for name, text in texts.items():
        print(f"\nThe {name} writes:\n{text}")
    print(f"\nbits a character, of {len(HELD_OUT):,} that were held out")
    for name, value in bits.items():
        print(f"{name:22} {value:.3f}")
    if find_spec("matplotlib"):
        draw(curves, options.plot)
    return bits


def draw(curves, path):
    """Draw the bits a character over the epochs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(range(1, len(curve) + 1), curve, label=name)
    axes.set(xlabel="epoch", ylabel="bits a character, held out")
    axes.legend()
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
