#include "spec/repository_url.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "oci/digest.h"
#include "oci/grammar.h"
#include "spec/registry_key.h"

namespace ocisync {
namespace {

constexpr std::size_t kLongestUrl = 2048;
constexpr std::size_t kLongestName = 128;

[[noreturn]] void refuse_url(std::string message, std::string hint = {}) {
  throw Error(Reason::reference_invalid, std::move(message)).hint(std::move(hint));
}

std::string hashed(std::string_view text) { return "x-" + Digest::of(text).hex().substr(0, 16); }

std::string component_of(std::string_view text) {
  return valid_repository(text) ? std::string(text) : hashed(text);
}

struct Parts {
  bool plain_http = false;
  std::string_view authority, path, query;
};

Parts split_url(std::string_view url) {
  const bool clean =
      url.size() <= kLongestUrl && std::all_of(url.begin(), url.end(), [](char c) {
        return c > ' ' && c < '\x7f' && c != '\\' && c != '"' && c != '<' && c != '>';
      });
  if (!clean)
    refuse_url("has a byte that a URL cannot have, or is too long",
               fmt::format("https://host[:port][/path], at most {} bytes", kLongestUrl));
  const std::size_t mark = url.find("://");
  const std::string scheme = lower(url.substr(0, std::min(mark, url.size())));
  if (mark != std::string_view::npos && scheme == "oci")
    refuse_url("is an OCI registry", "give its charts with ref");
  if (mark == std::string_view::npos || (scheme != "http" && scheme != "https"))
    refuse_url("is not the URL of a chart repository", "https://host[:port][/path]");
  Parts parts{
      .plain_http = scheme == "http", .authority = url.substr(mark + 3), .path = {}, .query = {}};
  if (parts.authority.find('#') != std::string_view::npos)
    refuse_url("has a fragment", "a server never sees what follows #");
  const std::size_t end = std::min(parts.authority.find_first_of("/?"), parts.authority.size());
  parts.path = parts.authority.substr(end);
  parts.authority = parts.authority.substr(0, end);
  const std::size_t question = std::min(parts.path.find('?'), parts.path.size());
  parts.query = parts.path.substr(std::min(question + 1, parts.path.size()));
  parts.path = parts.path.substr(0, question);
  while (parts.path.ends_with('/'))
    parts.path.remove_suffix(1);
  return parts;
}

}  // namespace

ClassicChart classic_chart(std::string_view url, std::string_view chart) {
  const Parts parts = split_url(url);
  if (parts.authority.find('@') != std::string_view::npos)
    refuse_url("has credentials in it", "they belong into registries[].credentials");
  const auto host = canonical_registry(parts.authority);
  if (!host)
    refuse_url("has no host that could be asked", "https://host[:port][/path]");
  if (parts.path.ends_with("/index.yaml"))
    refuse_url("names the index", "the repository's own URL ends before /index.yaml");

  std::string registry = *host;
  const std::size_t colon = registry.rfind(':');
  const bool has_port =
      colon != std::string::npos && registry.find(']', colon) == std::string::npos;
  if (parts.plain_http && !has_port)
    registry += ":80";
  std::string repository;
  for (const std::string_view part : split(parts.path, '/'))
    if (!part.empty())
      repository += component_of(part) + "/";
  if (!parts.query.empty())
    repository += hashed(parts.query) + "/";
  if (repository.size() + chart.size() > 160)
    repository = hashed(repository) + "/";
  return {fmt::format("{}://{}{}{}{}", parts.plain_http ? "http" : "https", parts.authority,
                      parts.path, parts.query.empty() ? "" : "?", parts.query),
          Reference::parse(fmt::format("{}/{}{}", registry, repository, component_of(chart))),
          parts.plain_http};
}

ChartSpec classic_chart_spec(const Spec& spec, const std::string& url, const std::string& chart,
                             const std::string& version) {
  const auto plain = [](char c) { return is_alnum(c) || one_of(c, "._-"); };
  if (chart.empty() || chart.size() > kLongestName || !is_alnum(chart[0]) || !only(chart, plain))
    refuse_url(fmt::format("{} is not a chart's name", ocisync::in_quotes(chart)));
  const ClassicChart classic =
      during([] { return "the repository's URL"; }, [&] { return classic_chart(url, chart); });
  if (classic.plain_http && !allows_plain_http(spec, classic.reference))
    refuse_url("the repository's URL is plain http", "use https, or allow it with --plain-http");
  ChartSpec result(classic.reference);
  result.name = chart;
  result.repository = RepositorySpec{classic.url, chart};
  if (Version::parse(version)) {
    result.reference = classic.reference.with_tag(tag_of_version(version));
  } else {
    result.range = version.empty() ? VersionRange::any_stable() : VersionRange::parse(version);
    result.range_text = version.empty() ? "*" : version;
  }
  return result;
}

}  // namespace ocisync
