#include "registry/warnings.h"

#include "base/text.h"
#include "registry/error_answer.h"

namespace ocisync {
namespace {

constexpr std::size_t kMaxWarning = 4096;
constexpr std::size_t kMaxHeard = 100;

}  // namespace

std::optional<std::string> parse_warning(std::string_view value) {
  constexpr std::string_view kStart = "299 - \"";
  value = trim(value);
  if (value.size() > kMaxWarning || !value.starts_with(kStart))
    return std::nullopt;
  value.remove_prefix(kStart.size());
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '"')
      return i + 1 == value.size() && !text.empty() ? std::optional(text) : std::nullopt;
    if (value[i] == '\\' && i + 1 < value.size())
      ++i;
    text += value[i];
  }
  return std::nullopt;
}

void Warnings::hear(const std::string& host, const Headers& headers,
                    const std::vector<Secret>& secrets) {
  for (const std::string_view value : headers.all("Warning")) {
    const auto said = parse_warning(value);
    if (!said)
      continue;
    const std::string text = printable(without_secrets(*said, secrets));
    const bool news = heard_.with(
        [&](auto& heard) { return heard.size() < kMaxHeard && heard.emplace(host, text).second; });
    if (news)
      log_.warning("RegistryWarning", text, {{"host", host}});
  }
}

}  // namespace ocisync
