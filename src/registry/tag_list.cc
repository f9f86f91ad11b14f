#include "registry/tag_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "oci/reference.h"
#include "registry/error_answer.h"

namespace ocisync {
namespace {

constexpr std::size_t kMaxPages = 100;
constexpr std::size_t kMaxTags = 100'000;

// Splits at a separator outside of "..." and <...>.
std::vector<std::string_view> split_outside(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  char closing = '\0';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (closing == '"' && c == '\\')
      ++i;
    else if (closing != '\0')
      closing = c == closing ? '\0' : closing;
    else if (c == '"')
      closing = '"';
    else if (c == '<')
      closing = '>';
    else if (c == separator) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  parts.push_back(text.substr(std::min(start, text.size())));
  return parts;
}

// rel=next, rel="next", rel="prev next"
bool says_next(std::string_view parameter) {
  const auto equals = parameter.find('=');
  if (equals == std::string_view::npos ||
      !equal_ignoring_case(trim(parameter.substr(0, equals)), "rel"))
    return false;
  std::string_view value = trim(parameter.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  const auto relations = split(value, ' ');
  return std::any_of(relations.begin(), relations.end(),
                     [](std::string_view each) { return equal_ignoring_case(each, "next"); });
}

}  // namespace

std::optional<std::string> next_link(const Headers& headers) {
  for (const std::string_view value : headers.all("Link")) {
    for (const std::string_view part : split_outside(value, ',')) {
      const auto pieces = split_outside(part, ';');
      const std::string_view target = trim(pieces.front());
      if (target.size() <= 2 || target.front() != '<' || target.back() != '>')
        continue;
      if (std::any_of(pieces.begin() + 1, pieces.end(), says_next))
        return std::string(target.substr(1, target.size() - 2));
    }
  }
  return std::nullopt;
}

std::optional<Url> TagList::add(const HttpResponse& page, const Url& from) {
  if (is_web_page(page))
    throw not_a_registry_answer(page, from, "");
  add_tags(page.text, from);
  visited_.insert(from.str());
  const auto link = next_link(page.headers());
  if (!link)
    return std::nullopt;
  const std::string host = from.origin().authority();
  std::string why;
  auto next = from.resolve(trim(*link), &why);
  if (!next)
    throw Error(Reason::protocol_violation,
                fmt::format("{} links to a next page of tags that cannot be: {}", host, why));
  if (next->origin() != from.origin())
    throw Error(Reason::policy_refused,
                fmt::format("{} links to a next page of tags on another server, {}", host,
                            next->origin().authority()));
  if (visited_.contains(next->str()))
    throw Error(Reason::protocol_violation, host + " lists its tags in a circle");
  if (visited_.size() >= kMaxPages)
    throw Error(Reason::limit_exceeded,
                fmt::format("{} lists more than {} pages of tags", host, kMaxPages));
  return next;
}

void TagList::add_tags(std::string_view body, const Url& from) {
  const auto malformed = [&](std::string_view why) {
    return Error(Reason::protocol_violation,
                 fmt::format("the tag list of {} {}", from.origin().authority(), why));
  };
  const Json json = during([] { return "reading a tag list"; }, [&] { return Json::parse(body); });
  const Json* tags = json.find("tags");
  if (!json.is_object() || (tags && !tags->is_null() && !tags->is_array()))
    throw malformed("is not a list");
  if (!tags)
    return;
  for (const Json& tag : tags->items()) {
    if (!tag.string())
      throw malformed("holds something that is not text");
    if (!valid_tag(*tag.string()))
      continue;
    if (tags_.size() == kMaxTags)
      throw Error(Reason::limit_exceeded,
                  fmt::format("{} lists more than {} tags", from.origin().authority(), kMaxTags));
    tags_.push_back(*tag.string());
  }
}

std::vector<std::string> TagList::take() {
  std::sort(tags_.begin(), tags_.end());
  tags_.erase(std::unique(tags_.begin(), tags_.end()), tags_.end());
  return std::move(tags_);
}

}  // namespace ocisync
