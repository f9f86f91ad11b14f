#include "chart/oci_annotations.h"

#include <string>
#include <string_view>

#include "base/text.h"

namespace ocisync {
namespace {

const std::string kOciPrefix = "org.opencontainers.image.";

std::string_view text_of(const Json& object, std::string_view key) {
  const std::string* text = object.find_string(key);
  return text ? std::string_view(*text) : std::string_view();
}

std::string_view first_of(const Json* list) {
  if (!list || list->items().empty())
    return {};
  const std::string* text = list->items().front().string();
  return text ? std::string_view(*text) : std::string_view();
}

// "Al (al@example.com), Bo"
std::string authors(const Json* maintainers) {
  std::string result;
  if (!maintainers)
    return result;
  for (const Json& maintainer : maintainers->items()) {
    result += &maintainer == &maintainers->items().front() ? "" : ", ";
    result += text_of(maintainer, "name");
    if (const std::string_view email = text_of(maintainer, "email"); !email.empty())
      result.append(" (").append(email).append(")");
  }
  return result;
}

}  // namespace

Annotations oci_annotations(const ChartMetadata& metadata, std::optional<WallTime> created) {
  Annotations result;
  const auto add = [&](const char* name, std::string_view value) {
    if (!trim(value).empty())
      result[kOciPrefix + name] = value;
  };
  const Json& chart = metadata.document;
  add("description", text_of(chart, "description"));
  add("url", text_of(chart, "home"));
  add("source", first_of(chart.find("sources")));
  add("authors", authors(chart.find("maintainers")));
  add("created", created ? rfc3339(*created) : "");
  if (const Json* own = chart.find("annotations"))
    for (const auto& [key, value] : own->members())
      if (const std::string* text = value.string())
        result[key] = *text;
  for (const char* name : {"title", "version"})
    result.erase(kOciPrefix + name);
  add("title", metadata.name);
  add("version", metadata.version);
  return result;
}

}  // namespace ocisync
