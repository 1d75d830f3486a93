"""Tiny random vision-language models, built in code: the classes of the real ones with a few hundred thousand weights.

Nothing is downloaded, and one seed gives one set of weights. Matrices start with the deviation of their fan-in and
embeddings with 1: at the libraries' 0.02 nothing in the picture would move an answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SiglipVisionConfig,
)

SPECIALS = {
    "qwen3-vl": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
                 "<|video_pad|>"),
    "llava-onevision": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"),
}  # fmt: skip

TALK = (
    "Yes No yes no YES NO None Answer yes or no. Does something solid change its shape? Do solid things pass "
    "through each other? Answer with a whole number from 0 to 3. Answer with the letters of the events that happen, "
    "in order. user assistant seconds A, B, C, D. None 0 1 2 3 4 5 6 7 8 9 Does the clip carry out this instruction: "
    "the ball rolls"
)


def tokenizer(kind: str, chat: str | None = None) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as the real ones, with a vocabulary of a few hundred pieces."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIALS[kind]),
        show_progress=False,
    )
    made.train_from_iterator([TALK, *[" ".join(TALK.split()[:13])] * 3, "\n".join(TALK.split()[:7])] * 40, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    wrapped.chat_template = chat
    return wrapped


def qwen3_vl(words: Any, width: int = 32, layers: int = 1, depth: int = 1, patch: int = 8) -> Any:
    """The class of Qwen3-VL: timestamps as text, 3-D positions, deep features."""
    size = len(words)
    text = {
        "vocab_size": size, "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2],
                            "mrope_interleaved": True},
    }  # fmt: skip
    vision = {
        "depth": depth, "hidden_size": width, "intermediate_size": 2 * width, "num_heads": 4, "patch_size": patch,
        "temporal_patch_size": 2, "spatial_merge_size": 2, "out_hidden_size": width, "num_position_embeddings": 64,
        "deepstack_visual_indexes": list(range(min(depth, 2))),
    }  # fmt: skip
    ids = {
        f"{name}_token_id": words.convert_tokens_to_ids(token)
        for name, token in (
            ("image", "<|image_pad|>"),
            ("video", "<|video_pad|>"),
            ("vision_start", "<|vision_start|>"),
            ("vision_end", "<|vision_end|>"),
        )
    }
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
    )


def llava_onevision(words: Any, width: int = 32, layers: int = 1, depth: int = 2, patch: int = 8) -> Any:
    """The class of LLaVA-OneVision: SigLIP on frames of one size, tokens pooled, no timestamps."""
    vision = SiglipVisionConfig(
        hidden_size=width, intermediate_size=2 * width, num_hidden_layers=depth, num_attention_heads=4, image_size=32,
        patch_size=patch, vision_use_head=False,
    )  # fmt: skip
    text = Qwen2Config(
        vocab_size=len(words), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True,
    )  # fmt: skip
    return LlavaOnevisionForConditionalGeneration(
        LlavaOnevisionConfig(
            vision_config=vision,
            text_config=text,
            image_token_index=words.convert_tokens_to_ids("<image>"),
            video_token_index=words.convert_tokens_to_ids("<video>"),
            vision_feature_layer=-1,
        )
    )


MODELS = {"qwen3-vl": qwen3_vl, "llava-onevision": llava_onevision}

PROCESSING: dict[str, dict[str, Any]] = {
    "qwen3-vl": {
        "size": {"shortest_edge": 256, "longest_edge": 1 << 24}, "patch_size": 8, "temporal_patch_size": 2,
        "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3,
        "video_processor_type": "Qwen3VLVideoProcessor",
    },
    "llava-onevision": {
        "size": {"height": 32, "width": 32}, "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3,
        "video_processor_type": "LlavaOnevisionVideoProcessor",
    },
}  # fmt: skip


def wide_start(model: Any) -> None:
    """Fan-in deviations for matrices and convolutions, 1 for embeddings; others as they are."""
    for name, weight in model.named_parameters():
        if weight.ndim < 2:
            continue
        embedding = "embed" in name and "patch" not in name
        torch.nn.init.normal_(weight, std=1.0 if embedding else weight[0].numel() ** -0.5)


def save(kind: str, folder: Path, seed: int = 0, chat: str | None = None, **sizes: Any) -> Path:
    """Build a model and save it with its tokenizer and its processing as safetensors and JSON in `folder`."""
    words = tokenizer(kind, chat)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MODELS[kind](words, **sizes)
        wide_start(model)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    processing = {**PROCESSING[kind], **({"patch_size": sizes["patch"]} if "patch" in sizes else {})}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(processing))
    return folder
