#include "export/tree_name.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr std::array kLayouts = {Layout::symlink, Layout::directory, Layout::snapshot};

// From the directory that holds `path` to the control directory.
std::string way_to_control(std::string_view path) {
  std::string way;
  for (auto depth = std::count(path.begin(), path.end(), '/'); depth > 0; --depth)
    way += "../";
  return way.append(kControlName) + "/";
}

}  // namespace

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
  return way_to_control(path) + relative_path(tree);
}

std::optional<TreeName> parse_link_target(std::string_view path, std::string_view target) {
  const auto slash = target.rfind('/');
  if (slash == std::string_view::npos)
    return std::nullopt;
  const auto manifest = parse_file_name(target.substr(slash + 1));
  for (const ExportFormat format : kExportFormats)
    if (manifest && target == link_target(path, {format, *manifest}))
      return TreeName{format, *manifest};
  return std::nullopt;
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
