"""Tiny random diffusers pipelines, built in code: the classes of the real models with a few thousand parameters.

Sizes they make: Wan multiples of 16, LTX of 32 (its own check asks for it), CogVideoX of 16, Stable Video Diffusion of
8; frames 4 k + 1 (SVD: any number). Nothing is downloaded, and one seed gives one set of weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLLTXVideo,
    AutoencoderKLTemporalDecoder,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DDPMPipeline,
    DDPMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXImageToVideoPipeline,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    StableVideoDiffusionPipeline,
    UNet2DModel,
    UNetSpatioTemporalConditionModel,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ("a", "two", "disc", "discs", "moves", "fall", "falls", "collide", "at", "constant", "velocity", "in", "the")


def tokenizer() -> PreTrainedTokenizerFast:
    """A dozen words, and `<unk>` for all others."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    vocabulary = {word: k for k, word in enumerate(("<pad>", "</s>", "<unk>", *WORDS))}
    made = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=64
    )


def t5(model: type[Any] = T5EncoderModel, config: type[Any] = T5Config) -> Any:
    return model(
        config(
            vocab_size=32,
            d_model=32,
            d_kv=8,
            d_ff=37,
            num_layers=2,
            num_heads=4,
            relative_attention_num_buckets=8,
        )
    )


def wan(image: bool = False) -> Any:
    """With an image in the manner of Wan 2.2: its latents and a mask beside the noise, no image encoder."""
    parts = {
        "tokenizer": tokenizer(),
        "text_encoder": t5(UMT5EncoderModel, UMT5Config),
        "transformer": WanTransformer3DModel(
            patch_size=(1, 2, 2),
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=36 if image else 16,
            out_channels=16,
            text_dim=32,
            freq_dim=256,
            ffn_dim=32,
            num_layers=2,
            cross_attn_norm=True,
            qk_norm="rms_norm_across_heads",
            rope_max_seq_len=32,
        ),
        "vae": AutoencoderKLWan(
            base_dim=3,
            z_dim=16,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
    }
    return WanImageToVideoPipeline(**parts) if image else WanPipeline(**parts)


def ltx(image: bool = False) -> Any:
    parts = {
        "tokenizer": tokenizer(),
        "text_encoder": t5(),
        "transformer": LTXVideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            patch_size=1,
            patch_size_t=1,
            num_attention_heads=4,
            attention_head_dim=8,
            cross_attention_dim=32,
            num_layers=1,
            caption_channels=32,
        ),
        "vae": AutoencoderKLLTXVideo(
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
            patch_size_t=1,
            encoder_causal=True,
            decoder_causal=False,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
    }
    return LTXImageToVideoPipeline(**parts) if image else LTXPipeline(**parts)


def cogvideox(image: bool = False) -> Any:
    parts = {
        "tokenizer": tokenizer(),
        "text_encoder": t5(),
        "transformer": CogVideoXTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            in_channels=8 if image else 4,
            out_channels=4,
            time_embed_dim=2,
            text_embed_dim=32,
            num_layers=1,
            sample_width=2,
            sample_height=2,
            sample_frames=9,
            patch_size=2,
            temporal_compression_ratio=4,
            max_text_seq_length=16,
            use_rotary_positional_embeddings=True,
        ),
        "vae": AutoencoderKLCogVideoX(
            in_channels=3,
            out_channels=3,
            down_block_types=("CogVideoXDownBlock3D",) * 4,
            up_block_types=("CogVideoXUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=2,
            temporal_compression_ratio=4,
        ),
        "scheduler": CogVideoXDDIMScheduler(),
    }
    return CogVideoXImageToVideoPipeline(**parts) if image else CogVideoXPipeline(**parts)


def svd() -> Any:
    return StableVideoDiffusionPipeline(
        unet=UNetSpatioTemporalConditionModel(
            block_out_channels=(32, 64),
            layers_per_block=2,
            sample_size=32,
            in_channels=8,
            out_channels=4,
            down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
            up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
            cross_attention_dim=32,
            num_attention_heads=8,
            projection_class_embeddings_input_dim=96,
            addition_time_embed_dim=32,
        ),
        vae=AutoencoderKLTemporalDecoder(
            block_out_channels=[32, 64],
            in_channels=3,
            out_channels=3,
            down_block_types=["DownEncoderBlock2D", "DownEncoderBlock2D"],
            latent_channels=4,
        ),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            interpolation_type="linear",
            num_train_timesteps=1000,
            prediction_type="v_prediction",
            sigma_max=700.0,
            sigma_min=0.002,
            steps_offset=1,
            timestep_spacing="leading",
            timestep_type="continuous",
            use_karras_sigmas=True,
        ),
        image_encoder=CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=32,
                projection_dim=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                image_size=224,
                intermediate_size=37,
                patch_size=56,
            )
        ),
        feature_extractor=CLIPImageProcessor(),
    )


def ltx_stochastic() -> Any:
    """Its scheduler draws noise from torch's own generator, where no seed of a case reaches."""
    return LTXPipeline(**{**ltx().components, "scheduler": FlowMatchEulerDiscreteScheduler(stochastic_sampling=True)})


def ltx_condition() -> Any:
    """A list of images conditions one clip several times over, and not several clips once each."""
    return LTXConditionPipeline(**ltx().components)


def ltx_nan() -> Any:
    """What comes out of training that diverged."""
    made = ltx()
    made.vae.decoder.conv_out.conv.bias.data[0] = float("nan")
    return made


def pictures() -> Any:
    """Makes pictures, no clips."""
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )
    return DDPMPipeline(unet, DDPMScheduler())


KINDS: dict[str, Callable[[], Any]] = {
    "wan": wan,
    "wan-image": lambda: wan(image=True),
    "ltx": ltx,
    "ltx-image": lambda: ltx(image=True),
    "cogvideox": cogvideox,
    "cogvideox-image": lambda: cogvideox(image=True),
    "svd": svd,
    "ltx-stochastic": ltx_stochastic,
    "ltx-condition": ltx_condition,
    "ltx-nan": ltx_nan,
    "pictures": pictures,
}
"""Name -> builder."""


def save(kind: str, folder: Path, **options: Any) -> Path:
    """Build a pipeline and save it as safetensors below `folder`, under its name."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = KINDS[kind]()
    target = folder / kind
    pipeline.save_pretrained(target, safe_serialization=True, **options)
    return target
