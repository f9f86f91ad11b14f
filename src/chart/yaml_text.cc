#include "chart/yaml_text.h"

#include <algorithm>

#include "base/yaml.h"

namespace ocisync {
namespace {

// Lines that continue below their first one: those after it move in by one level.
std::string hanging(const std::string& lines) {
  std::string result;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    result += lines[i];
    if (lines[i] == '\n' && i + 1 < lines.size())
      result += "  ";
  }
  return result;
}

std::string member_text(const Json::Member& member) {
  const auto& [key, value] = member;
  const std::string start = yaml_quote(key) + ":";
  if (!value.items().empty())
    return start + '\n' + yaml_text(value);
  if (!value.members().empty())
    return start + "\n  " + hanging(yaml_text(value));
  return start + ' ' + yaml_text(value);
}

}  // namespace

std::string yaml_text(const Json& value) {
  std::string result;
  if (!value.items().empty()) {
    for (const Json& item : value.items())
      result += "- " + hanging(yaml_text(item));
  } else if (!value.members().empty()) {
    auto members = value.members();
    std::sort(members.begin(), members.end(),
              [](const Json::Member& a, const Json::Member& b) { return a.first < b.first; });
    for (const Json::Member& member : members)
      result += member_text(member);
  } else if (const std::string* text = value.string()) {
    result = yaml_quote(*text) + '\n';
  } else {
    result = value.dump() + '\n';
  }
  return result;
}

}  // namespace ocisync
