#include "spec/yaml_word.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/yaml.h"

namespace ocisync {
namespace {

// "5m", "10%" and "oci://…" need no quotes for any reader, careful as yaml_quote is.
bool reads_as_text(std::string_view text) {
  const std::string_view unit =
      text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
  const bool quantity = unit.size() < text.size() && (unit == "%" || unit == "s" || unit == "m" ||
                                                      unit == "h" || unit == "Mi" || unit == "Gi");
  const bool url = text.find("://") != std::string_view::npos &&
                   text.find_first_of(" #\"'{}[],") == std::string_view::npos;
  return quantity || url;
}

}  // namespace

std::string as_yaml(const Json& value) {
  if (const std::string* text = value.string())
    return reads_as_text(*text) ? *text : yaml_quote(*text);
  if (!value.is_array())
    return value.dump();
  std::vector<std::string> items;
  for (const Json& item : value.items())
    items.push_back(as_yaml(item));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

}  // namespace ocisync
