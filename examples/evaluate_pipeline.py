"""Evaluate a diffusers pipeline: what it draws after the given frames is judged like any other agent's clips.

    pip install 'wmenv[gen]'
    python examples/evaluate_pipeline.py
    python examples/evaluate_pipeline.py --pipeline Lightricks/LTX-Video --size 256

Without --pipeline a tiny image-to-video pipeline of LTX's classes, with random weights, is built and saved to disk in
place of a real one. It has learned nothing, so it loses against a clip that merely stands still.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXImageToVideoPipeline,
    LTXVideoTransformer3DModel,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

import wmenv


def save_tiny_pipeline(folder: Path) -> None:
    """A few thousand random parameters in the layout of a real checkpoint."""
    torch.manual_seed(0)
    words = Tokenizer(WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=64
    )
    text_encoder = T5EncoderModel(T5Config(vocab_size=8, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4))
    transformer = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=4,
        attention_head_dim=8,
        cross_attention_dim=32,
        num_layers=1,
        caption_channels=32,
    )
    vae = AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, False, False),
        decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False, False, False, False, False),
        upsample_residual=(False, False, False, False),
        upsample_factor=(1, 1, 1, 1),
        timestep_conditioning=False,
        patch_size=1,
    )
    scheduler = FlowMatchEulerDiscreteScheduler()
    LTXImageToVideoPipeline(scheduler, vae, text_encoder, tokenizer, transformer).save_pretrained(folder)


def main() -> None:
    """Evaluate a pipeline beside the weakest baseline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", help="folder of a diffusers checkpoint, or its id on the hub")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as place:
        pipeline = arguments.pipeline or f"{place}/tiny-ltx"
        if arguments.pipeline is None:
            save_tiny_pipeline(Path(pipeline))
            print("a tiny pipeline with random weights, saved to disk in place of a real one")
        results = wmenv.evaluate(
            wmenv.make("PhyWorld-uniform_motion", size=arguments.size),
            [f"diffusers:{pipeline},steps={arguments.steps}", "copy-last"],
            episodes=3,
            out=f"{place}/run",
        )
    for row in results.rows:
        error = row.criteria["velocity"].native
        print(
            f"{row.agent} on {row.split}: reward {row.reward.mean:.3f}, {row.forfeited} of {row.rollouts} forfeited, "
            f"velocity error {error.mean:.2f} units/s"
        )


if __name__ == "__main__":
    main()
