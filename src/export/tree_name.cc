#include "export/tree_name.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr std::array kLayouts = {Layout::symlink, Layout::directory, Layout::snapshot};

// Up `levels` directories, and those between the path's own and the top.
std::string way_up(std::string_view path, std::ptrdiff_t levels) {
  std::string way;
  for (auto depth = std::count(path.begin(), path.end(), '/') + levels; depth > 0; --depth)
    way += "../";
  return way;
}

// The tree that the text names, when `target_of` would have written it.
template <typename TargetOf>
std::optional<TreeName> tree_named(std::string_view target, TargetOf target_of) {
  const auto slash = target.rfind('/');
  if (slash == std::string_view::npos)
    return std::nullopt;
  const auto manifest = parse_file_name(target.substr(slash + 1));
  for (const ExportFormat format : kExportFormats)
    if (manifest && target == target_of(TreeName{format, *manifest}))
      return TreeName{format, *manifest};
  return std::nullopt;
}

}  // namespace

bool stays_inside(std::string_view path) {
  if (path.find('\0') != std::string_view::npos)
    return false;
  while (true) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..")
      return false;
    if (slash == std::string_view::npos)
      return true;
    path.remove_prefix(slash + 1);
  }
}

std::string file_name(const Digest& digest) {
  return fmt::format("{}-{}", digest.algorithm_name(), digest.hex());
}

std::optional<Digest> parse_file_name(std::string_view name) {
  const auto dash = name.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  return Digest::try_parse(fmt::format("{}:{}", name.substr(0, dash), name.substr(dash + 1)));
}

std::string trees_directory(ExportFormat format) {
  return fmt::format("trees/{}", to_string(format));
}

std::string relative_path(const TreeName& tree) {
  return trees_directory(tree.format) + "/" + file_name(tree.manifest);
}

std::string link_target(std::string_view path, const TreeName& tree) {
  return fmt::format("{}{}/{}", way_up(path, 0), kControlName, relative_path(tree));
}

std::optional<TreeName> parse_link_target(std::string_view path, std::string_view target) {
  return tree_named(target, [&](const TreeName& tree) { return link_target(path, tree); });
}

bool is_snapshot_path(std::string_view path) {
  return path.starts_with(kCurrentName) && path.substr(kCurrentName.size()).starts_with('/');
}

std::string generations_directory(std::string_view owner) {
  return fmt::format("{}/{}", kGenerations, owner);
}

std::string link_target(const GenerationName& generation) {
  return fmt::format("{}/{}/{}", kControlName, generations_directory(generation.owner),
                     generation.number);
}

std::optional<std::uint64_t> parse_generation_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size() || std::to_string(number) != text)
    return std::nullopt;
  return number;
}

std::optional<GenerationName> parse_generation_link(std::string_view target) {
  const auto slash = target.rfind('/');
  const std::string home = fmt::format("{}/{}/", kControlName, kGenerations);
  if (!target.starts_with(home) || slash < home.size())
    return std::nullopt;
  const auto number = parse_generation_number(target.substr(slash + 1));
  const std::string_view owner = target.substr(home.size(), slash - home.size());
  if (!number || owner.empty() || owner.starts_with('.') || owner.find('/') != owner.npos)
    return std::nullopt;
  return GenerationName{std::string(owner), *number};
}

// From generations/<owner>/<number>/ up to the control directory, "current/" being one of the
// three.
std::string generation_entry_target(std::string_view path, const TreeName& tree) {
  return way_up(path, 2) + relative_path(tree);
}

std::optional<TreeName> parse_generation_entry(std::string_view path, std::string_view target) {
  return tree_named(target,
                    [&](const TreeName& tree) { return generation_entry_target(path, tree); });
}

std::optional<ExportFormat> parse_export_format(std::string_view text) {
  for (const ExportFormat format : kExportFormats)
    if (text == to_string(format))
      return format;
  return std::nullopt;
}

std::optional<Layout> parse_layout(std::string_view text) {
  for (const Layout layout : kLayouts)
    if (text == to_string(layout))
      return layout;
  return std::nullopt;
}

}  // namespace ocisync
