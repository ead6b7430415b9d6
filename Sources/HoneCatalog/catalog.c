#include "hone_catalog.h"

#include <string.h>

// The compiler reads the files themselves: as literals of a program they would take it half a minute.
#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char quickstart_recipe_yaml[] = {
#embed "Quickstart/recipe.yaml"
};
static const unsigned char quickstart_train_jsonl[] = {
#embed "Quickstart/train.jsonl"
};
static const unsigned char quickstart_valid_jsonl[] = {
#embed "Quickstart/valid.jsonl"
};
static const unsigned char quickstart_readme_md[] = {
#embed "Quickstart/README.md"
};
static const unsigned char catalog_adalora_yaml[] = {
#embed "Catalog/adalora.yaml"
};
static const unsigned char catalog_bitfit_yaml[] = {
#embed "Catalog/bitfit.yaml"
};
static const unsigned char catalog_bottleneck_yaml[] = {
#embed "Catalog/bottleneck.yaml"
};
static const unsigned char catalog_diff_pruning_yaml[] = {
#embed "Catalog/diff_pruning.yaml"
};
static const unsigned char catalog_dora_yaml[] = {
#embed "Catalog/dora.yaml"
};
static const unsigned char catalog_dpo_yaml[] = {
#embed "Catalog/dpo.yaml"
};
static const unsigned char catalog_full_yaml[] = {
#embed "Catalog/full.yaml"
};
static const unsigned char catalog_ia3_yaml[] = {
#embed "Catalog/ia3.yaml"
};
static const unsigned char catalog_kto_yaml[] = {
#embed "Catalog/kto.yaml"
};
static const unsigned char catalog_lean_yaml[] = {
#embed "Catalog/lean.yaml"
};
static const unsigned char catalog_loha_yaml[] = {
#embed "Catalog/loha.yaml"
};
static const unsigned char catalog_lokr_yaml[] = {
#embed "Catalog/lokr.yaml"
};
static const unsigned char catalog_lora_yaml[] = {
#embed "Catalog/lora.yaml"
};
static const unsigned char catalog_oft_yaml[] = {
#embed "Catalog/oft.yaml"
};
static const unsigned char catalog_orpo_yaml[] = {
#embed "Catalog/orpo.yaml"
};
static const unsigned char catalog_p_tuning_yaml[] = {
#embed "Catalog/p_tuning.yaml"
};
static const unsigned char catalog_pissa_yaml[] = {
#embed "Catalog/pissa.yaml"
};
static const unsigned char catalog_prefix_tuning_yaml[] = {
#embed "Catalog/prefix_tuning.yaml"
};
static const unsigned char catalog_prompt_tuning_yaml[] = {
#embed "Catalog/prompt_tuning.yaml"
};
static const unsigned char catalog_reward_yaml[] = {
#embed "Catalog/reward.yaml"
};
static const unsigned char catalog_selective_yaml[] = {
#embed "Catalog/selective.yaml"
};
static const unsigned char catalog_simpo_yaml[] = {
#embed "Catalog/simpo.yaml"
};
static const unsigned char catalog_text_yaml[] = {
#embed "Catalog/text.yaml"
};
static const unsigned char catalog_vera_yaml[] = {
#embed "Catalog/vera.yaml"
};
static const unsigned char synthesiscatalog_conversations_yaml[] = {
#embed "SynthesisCatalog/conversations.yaml"
};
static const unsigned char synthesiscatalog_domain_qa_yaml[] = {
#embed "SynthesisCatalog/domain-qa.yaml"
};
static const unsigned char synthesiscatalog_exam_yaml[] = {
#embed "SynthesisCatalog/exam.yaml"
};
static const unsigned char synthesiscatalog_extraction_yaml[] = {
#embed "SynthesisCatalog/extraction.yaml"
};
static const unsigned char synthesiscatalog_instructions_yaml[] = {
#embed "SynthesisCatalog/instructions.yaml"
};
static const unsigned char synthesiscatalog_open_book_yaml[] = {
#embed "SynthesisCatalog/open-book.yaml"
};
static const unsigned char synthesiscatalog_preferences_yaml[] = {
#embed "SynthesisCatalog/preferences.yaml"
};
static const unsigned char synthesiscatalog_self_replay_yaml[] = {
#embed "SynthesisCatalog/self-replay.yaml"
};
static const unsigned char synthesiscatalog_style_yaml[] = {
#embed "SynthesisCatalog/style.yaml"
};

#define FILE(path, bytes) {path, bytes, sizeof bytes}
static const hone_catalog_file files[] = {
    FILE("Quickstart/recipe.yaml", quickstart_recipe_yaml),
    FILE("Quickstart/train.jsonl", quickstart_train_jsonl),
    FILE("Quickstart/valid.jsonl", quickstart_valid_jsonl),
    FILE("Quickstart/README.md", quickstart_readme_md),
    FILE("Catalog/adalora.yaml", catalog_adalora_yaml),
    FILE("Catalog/bitfit.yaml", catalog_bitfit_yaml),
    FILE("Catalog/bottleneck.yaml", catalog_bottleneck_yaml),
    FILE("Catalog/diff_pruning.yaml", catalog_diff_pruning_yaml),
    FILE("Catalog/dora.yaml", catalog_dora_yaml),
    FILE("Catalog/dpo.yaml", catalog_dpo_yaml),
    FILE("Catalog/full.yaml", catalog_full_yaml),
    FILE("Catalog/ia3.yaml", catalog_ia3_yaml),
    FILE("Catalog/kto.yaml", catalog_kto_yaml),
    FILE("Catalog/lean.yaml", catalog_lean_yaml),
    FILE("Catalog/loha.yaml", catalog_loha_yaml),
    FILE("Catalog/lokr.yaml", catalog_lokr_yaml),
    FILE("Catalog/lora.yaml", catalog_lora_yaml),
    FILE("Catalog/oft.yaml", catalog_oft_yaml),
    FILE("Catalog/orpo.yaml", catalog_orpo_yaml),
    FILE("Catalog/p_tuning.yaml", catalog_p_tuning_yaml),
    FILE("Catalog/pissa.yaml", catalog_pissa_yaml),
    FILE("Catalog/prefix_tuning.yaml", catalog_prefix_tuning_yaml),
    FILE("Catalog/prompt_tuning.yaml", catalog_prompt_tuning_yaml),
    FILE("Catalog/reward.yaml", catalog_reward_yaml),
    FILE("Catalog/selective.yaml", catalog_selective_yaml),
    FILE("Catalog/simpo.yaml", catalog_simpo_yaml),
    FILE("Catalog/text.yaml", catalog_text_yaml),
    FILE("Catalog/vera.yaml", catalog_vera_yaml),
    FILE("SynthesisCatalog/conversations.yaml", synthesiscatalog_conversations_yaml),
    FILE("SynthesisCatalog/domain-qa.yaml", synthesiscatalog_domain_qa_yaml),
    FILE("SynthesisCatalog/exam.yaml", synthesiscatalog_exam_yaml),
    FILE("SynthesisCatalog/extraction.yaml", synthesiscatalog_extraction_yaml),
    FILE("SynthesisCatalog/instructions.yaml", synthesiscatalog_instructions_yaml),
    FILE("SynthesisCatalog/open-book.yaml", synthesiscatalog_open_book_yaml),
    FILE("SynthesisCatalog/preferences.yaml", synthesiscatalog_preferences_yaml),
    FILE("SynthesisCatalog/self-replay.yaml", synthesiscatalog_self_replay_yaml),
    FILE("SynthesisCatalog/style.yaml", synthesiscatalog_style_yaml),
};

const hone_catalog_file *hone_catalog_find(const char *path) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (strcmp(files[i].path, path) == 0) return &files[i];
  return NULL;
}
