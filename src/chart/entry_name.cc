#include "chart/entry_name.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {

void refuse_entry(Reason reason, std::string_view raw, std::string_view why) {
  throw Error(reason, fmt::format("the archive's entry \"{}\" {}", printable(raw, 200), why));
}

namespace {

bool is_drive(std::string_view part) {
  const char letter = part.empty() ? '\0' : part[0];
  return part.size() == 2 && part[1] == ':' &&
         ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'));
}

void check_component(std::string_view part, std::string_view raw, const ArchiveLimits& limits) {
  if (part.empty())
    refuse_entry(Reason::chart_invalid, raw, "has an empty component");
  if (part == ".")
    refuse_entry(Reason::chart_invalid, raw, "has a \".\" component");
  if (part == "..")
    refuse_entry(Reason::chart_invalid, raw, "refers to a parent directory");
  if (is_drive(part))
    refuse_entry(Reason::chart_invalid, raw, "names a drive");
  if (part == ".ocisync")
    refuse_entry(Reason::chart_invalid, raw, "uses a name reserved for ocisync");
  if (part.size() > limits.component_length)
    refuse_entry(Reason::limit_exceeded, raw,
                 fmt::format("has a component of more than {} bytes", limits.component_length));
}

}  // namespace

EntryName EntryName::parse(std::string_view raw, bool directory, const ArchiveLimits& limits) {
  std::string_view name = raw;
  if (directory && name.ends_with('/'))
    name.remove_suffix(1);
  const std::size_t slash = name.find('/');
  EntryName result;
  result.top = name.substr(0, slash);
  result.path = slash == std::string_view::npos ? "" : name.substr(slash + 1);
  if (result.path.size() > limits.path_length)
    refuse_entry(Reason::limit_exceeded, raw,
                 fmt::format("is longer than {} bytes", limits.path_length));
  if (name.starts_with('/'))
    refuse_entry(Reason::chart_invalid, raw, "is absolute");
  if (name.find('\\') != std::string_view::npos)
    refuse_entry(Reason::chart_invalid, raw, "holds a backslash");
  if (printable(name, name.size()) != name)
    refuse_entry(Reason::chart_invalid, raw, "holds control characters or is not UTF-8");
  if (slash == std::string_view::npos && !directory)
    refuse_entry(Reason::chart_invalid, raw, "lies outside the chart's directory");
  const auto parts = split(name, '/');
  for (const std::string_view part : parts)
    check_component(part, raw, limits);
  if (parts.size() - 1 > limits.depth)
    refuse_entry(Reason::limit_exceeded, raw,
                 fmt::format("lies deeper than {} levels", limits.depth));
  // Helm takes such a name for a way out of the chart's directory.
  if (result.path.starts_with(".."))
    refuse_entry(Reason::chart_invalid, raw, "begins with \"..\" below the chart's directory");
  return result;
}

}  // namespace ocisync
