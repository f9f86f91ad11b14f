#include "spec/chart_entry.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "spec/repository_url.h"

namespace ocisync {
namespace {

constexpr std::size_t kMostFilterBytes = 256;

std::string sentence_of(const Error& error) {
  return error.hint().empty() ? error.message()
                              : fmt::format("{} ({})", error.message(), error.hint());
}

void complain_about(Reading& reading, std::string_view key, const Position& at,
                    std::string message) {
  const auto place = reading.inside(key);
  reading.complain(at, std::move(message));
}

// Absent, with a complaint, when `make` throws. Its words are repeated only if the value is as the
// file has it: what a variable holds is nobody's to print.
template <typename Make>
auto attempt(Reading& reading, std::string_view key, const Written& value, Make make)
    -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const Error& error) {
    complain_about(
        reading, key, value.at,
        value.expanded ? "is not well formed once its variables are put in" : sentence_of(error));
    return std::nullopt;
  }
}

bool is_yaml_number(std::string_view text) {
  const auto digit_or_dot = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  return std::count(text.begin(), text.end(), '.') <= 1 &&
         std::all_of(text.begin(), text.end(), digit_or_dot);
}

void warn_of_number(Reading& reading, const YamlValue& map) {
  const YamlValue* const version = map.find("version");
  if (version == nullptr || version->quoted || !is_yaml_number(version->text))
    return;
  const auto place = reading.inside("version");
  reading.warn(version->at, fmt::format("{0} is a number to most readers of YAML, which may drop "
                                        "its zeros (write \"{0}\")",
                                        printable(version->text, 80)));
}

// The same place with `tag`, its digest kept.
Reference tagged(const Reference& reference, std::string_view tag) {
  std::string text = reference.with_tag(tag).str();
  if (reference.digest())
    text += "@" + reference.digest()->str();
  return Reference::parse(text);
}

// A complete version names a tag; anything else chooses among the tags.
void settle_version(Reading& reading, ChartDraft& draft) {
  ChartSpec& chart = draft.chart;
  const std::string& version = draft.version.value;
  const auto& tag = chart.reference.tag();
  if (!draft.version.given) {
    if (!tag && !chart.reference.digest()) {
      chart.range = VersionRange::any_stable();
      chart.range_text = "*";
    }
    return;
  }
  chart.written_version = version;
  if (tag == tag_of_version(version))
    return;
  if (tag)
    return complain_about(
        reading, "version", draft.version.at,
        fmt::format("does not say the same as tag {} of ref (give one of them)", *tag));
  if (Version::parse(version)) {
    const auto pinned = attempt(reading, "version", draft.version,
                                [&] { return tagged(chart.reference, tag_of_version(version)); });
    chart.reference = pinned.value_or(chart.reference);
    return;
  }
  if (chart.reference.digest())
    return complain_about(reading, "version", draft.version.at,
                          "is a range beside a digest, which leaves nothing to choose (remove one "
                          "of them, or give a complete x.y.z)");
  chart.range =
      attempt(reading, "version", draft.version, [&] { return VersionRange::parse(version); });
  chart.range_text = version;
}

// Compiled so that matching takes polynomial time: the tags it meets are a registry's choice.
std::optional<std::regex> compile(const std::string& pattern, std::string& why) {
  try {
    return std::regex(pattern, std::regex::ECMAScript | std::regex_constants::__polynomial);
  } catch (const std::regex_error& error) {
    why = error.what();
    return std::nullopt;
  }
}

void settle_filter(Reading& reading, ChartDraft& draft) {
  const std::string& pattern = draft.tag_filter.value;
  const Position& at = draft.tag_filter.at;
  if (!draft.tag_filter.given)
    return;
  std::string why;
  if (pattern.size() > kMostFilterBytes)
    why = fmt::format("longer than {} bytes", kMostFilterBytes);
  else
    draft.chart.tag_filter = compile(pattern, why);
  draft.chart.tag_filter_text = pattern;
  if (!draft.chart.tag_filter)
    complain_about(reading, "tagFilter", at,
                   fmt::format("is not a regular expression that can be used: {} (ECMAScript, "
                               "without back-references)",
                               printable(why)));
  else if (draft.sound && !draft.chart.range)
    complain_about(reading, "tagFilter", at,
                   "filters nothing: the chart is pinned (it goes with a version range)");
}

bool is_name(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto inner = [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= 63 && plain(text[0]) &&
         std::all_of(text.begin(), text.end(), inner);
}

void settle_name(Reading& reading, ChartDraft& draft) {
  ChartSpec& chart = draft.chart;
  if (draft.name.given)
    chart.name = draft.name.value;
  else
    chart.name = chart.repository ? chart.repository->chart : chart.reference.base_name();
  if (is_name(chart.name))
    return;
  if (chart.repository)
    complain_about(reading, "chart", draft.chart_name.at,
                   "is too long for a name (give the chart a name)");
  else
    complain_about(reading, "ref", draft.ref.at,
                   "ends in a component that is too long for a name (give the chart a name)");
}

void settle_reference(Reading& reading, ChartDraft& draft) {
  ChartSpec& chart = draft.chart;
  const auto reference =
      attempt(reading, "ref", draft.ref, [&] { return Reference::parse(draft.ref.value); });
  draft.sound = reference.has_value();
  chart.reference = reference.value_or(chart.reference);
  chart.written_ref = draft.ref.value;
}

void settle_repository(Reading& reading, ChartDraft& draft) {
  ChartSpec& chart = draft.chart;
  const auto classic = attempt(reading, "repository", draft.repository, [&] {
    return classic_chart(draft.repository.value, draft.chart_name.value);
  });
  draft.sound = classic.has_value();
  if (!classic)
    return;
  chart.reference = classic->reference;
  chart.repository = RepositorySpec{classic->url, draft.chart_name.value};
  chart.written_ref = classic->url + "/" + draft.chart_name.value;
}

// One slash between components, none at the end.
std::string normalised(std::string_view path) {
  std::string result;
  for (const std::string_view component : split(path, '/'))
    if (!component.empty())
      result += fmt::format("{}{}", result.empty() ? "" : "/", component);
  return result;
}

}  // namespace

void settle_chart(Reading& reading, const YamlValue& map, ChartDraft& draft) {
  ChartSpec& chart = draft.chart;
  warn_of_number(reading, map);
  chart.at = draft.at;
  if (draft.ref.given) {
    chart.at = draft.ref.at;
    settle_reference(reading, draft);
  } else if (draft.repository.given) {
    chart.at = draft.repository.at;
    if (draft.chart_name.given)
      settle_repository(reading, draft);
  }
  if (draft.sound) {
    settle_version(reading, draft);
    settle_name(reading, draft);
  } else if (draft.name.given) {
    chart.name = draft.name.value;
  }
  settle_filter(reading, draft);
  chart.export_path = draft.path.given ? normalised(draft.path.value) : chart.name;
}

}  // namespace ocisync
