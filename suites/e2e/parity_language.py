"""Language model architectures at a small size with seeded weights: the shape of the real graph, none of its bulk.

``eager`` attention is spelt out in matrix products; ``sdpa`` calls the fused kernel, which exporters treat differently.
"""

from __future__ import annotations

from _transformers import logits_of, transformers

from harness import Case, Dim, TensorSpec, ids, mask

VOCAB = 211
BATCH = Dim("batch", 1, 8, example=2)
LENGTH = Dim("length", 1, 48, example=10)
INPUTS = (
    TensorSpec(name="input_ids", dtype="int64", shape=(BATCH, LENGTH), domain=ids(VOCAB)),
    TensorSpec(name="attention_mask", dtype="int64", shape=(BATCH, LENGTH), domain=mask()),
)


def encoder(name, attention, **options):
    """Return a builder of ``<name>ForTokenClassification``, whose logits show every position."""

    def build():
        lib = transformers()
        config = getattr(lib, name + "Config")(vocab_size=VOCAB, num_labels=9, attn_implementation=attention, **options)
        return logits_of(getattr(lib, name + "ForTokenClassification")(config))

    return build


def decoder(name, attention, head="ForCausalLM", **options):
    """Return a builder of a language model."""

    def build():
        lib = transformers()
        config = getattr(lib, name + "Config")(vocab_size=VOCAB, attn_implementation=attention, use_cache=False, **options)
        return logits_of(getattr(lib, name + head)(config), use_cache=False)

    return build


BERT = {
    "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 192, "max_position_embeddings": 64,
}  # fmt: skip
DISTILBERT = {"dim": 96, "n_layers": 3, "n_heads": 4, "hidden_dim": 160, "max_position_embeddings": 64}
GPT2 = {"n_embd": 96, "n_layer": 3, "n_head": 4, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}
LLAMA = {
    "hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 160,
    "max_position_embeddings": 64,
}  # fmt: skip
QWEN2 = dict(LLAMA, tie_word_embeddings=True)
DEEPSEEK = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 96,
    "moe_intermediate_size": 40, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 4, "topk_group": 2,
    "first_k_dense_replace": 1, "q_lora_rank": 24, "kv_lora_rank": 20, "qk_rope_head_dim": 8, "qk_nope_head_dim": 12, "v_head_dim": 16,
    "max_position_embeddings": 64, "experts_implementation": "batched_mm",
}  # fmt: skip


def language(id, family, build):
    return Case(id=id, family=family, inputs=INPUTS, build={"torch": build}, weights="random", outputs=("logits",))


CASES = [
    language("bert-small", "bert", encoder("Bert", "eager", **BERT)),
    language("bert-small-sdpa", "bert", encoder("Bert", "sdpa", **BERT)),
    language("distilbert-small", "distilbert", encoder("DistilBert", "eager", **DISTILBERT)),
    language("gpt2-small", "gpt2", decoder("GPT2", "eager", head="LMHeadModel", **GPT2)),
    language("gpt2-small-sdpa", "gpt2", decoder("GPT2", "sdpa", head="LMHeadModel", **GPT2)),
    language("llama-small", "llama", decoder("Llama", "eager", **LLAMA)),
    language("llama-small-sdpa", "llama", decoder("Llama", "sdpa", **LLAMA)),
    language("qwen2-small", "qwen2", decoder("Qwen2", "eager", **QWEN2)),
    language("deepseek-v3-small", "deepseek_v3", decoder("DeepseekV3", "eager", **DEEPSEEK)),
]
