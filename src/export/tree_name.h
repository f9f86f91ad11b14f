#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "spec/spec.h"

namespace ocisync {

// The hidden directory of an export volume, below which everything but the exports lives.
inline constexpr std::string_view kControlName = ".ocisync";

inline constexpr std::array kExportFormats = {ExportFormat::directory, ExportFormat::archive,
                                              ExportFormat::both};

// Which tree: what of a chart it holds, and the manifest it was made from.
struct TreeName {
  ExportFormat format;
  Digest manifest;

  friend auto operator<=>(const TreeName&, const TreeName&) = default;
};

// Whether every part of a path is a name, so that it leads nowhere but below where it begins.
bool stays_inside(std::string_view path);

// "sha256-9f86…": a digest as a file name, and back.
std::string file_name(const Digest& digest);
std::optional<Digest> parse_file_name(std::string_view name);

inline constexpr std::string_view kRecordSuffix = ".record";  // of what is noted beside a tree

// "trees/directory": where all trees of a format are, below the control directory.
std::string trees_directory(ExportFormat format);

// "trees/directory/sha256-9f86…", below the control directory.
std::string relative_path(const TreeName& tree);

// What a link at `path` says to show `tree`: "../.ocisync/trees/…" with one "../" for each
// directory above the link. Relative, so that the volume may be mounted anywhere.
std::string link_target(std::string_view path, const TreeName& tree);

// The tree that such a link shows; absent when the text is anything else.
std::optional<TreeName> parse_link_target(std::string_view path, std::string_view target);

// Layout snapshot: what readers go through, and the directory of the generation that it leads to:
// ".ocisync/generations/<owner>/<number>", a link relative to the export directory.
inline constexpr std::string_view kCurrentName = "current";

bool is_snapshot_path(std::string_view path);  // begins with "current/"

struct GenerationName {
  std::string owner;
  std::uint64_t number = 0;

  friend bool operator==(const GenerationName&, const GenerationName&) = default;
};

inline constexpr std::string_view kGenerations = "generations";  // below the control directory

// "generations/<owner>": all generations of an owner, below the control directory.
std::string generations_directory(std::string_view owner);
std::string link_target(const GenerationName& generation);
std::optional<GenerationName> parse_generation_link(std::string_view target);
std::optional<std::uint64_t> parse_generation_number(std::string_view text);

// The same for a link inside a generation; its `path` begins with "current/".
std::string generation_entry_target(std::string_view path, const TreeName& tree);
std::optional<TreeName> parse_generation_entry(std::string_view path, std::string_view target);

std::optional<ExportFormat> parse_export_format(std::string_view text);
std::optional<Layout> parse_layout(std::string_view text);

}  // namespace ocisync
