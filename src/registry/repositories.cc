#include "registry/repositories.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "registry/courier.h"
#include "registry/endpoint.h"
#include "registry/error_answer.h"
#include "registry/kept_index.h"
#include "registry/redirect.h"

namespace ocisync {
namespace {

constexpr std::size_t kLongestValidator = 1024;

Url url_of(const RepositorySpec& repository) {
  std::string why;
  auto url = Url::parse(repository.url, &why);
  if (!url)
    throw Error(Reason::reference_invalid, fmt::format("the repository's URL: {}", why));
  return *std::move(url);
}

Url file_url(const Url& repository, std::string_view file) {
  std::string why;
  auto url = repository_file(repository, file, why);
  if (!url)
    throw Error(Reason::unsupported,
                fmt::format("the index of {} lists a URL that is not followed: {}",
                            repository.display(), why))
        .hint("charts at oci:// URLs are named with ref");
  return *std::move(url);
}

// A URL of an index leads where a redirect may lead.
void require_allowed(const Url& url, const Endpoint& endpoint) {
  const std::string who = endpoint.base.origin().authority();
  if (url.origin().scheme == "http" && !endpoint.plain_http)
    throw Error(Reason::policy_refused, fmt::format("the index of {} leads to plain http at {}",
                                                    who, url.origin().authority()));
  if (url.origin() != endpoint.base.origin())
    check_address(url, endpoint.elsewhere, who);
}

std::string validator(const HttpResponse& response, std::string_view name) {
  const std::string* value = response.headers().find(name);
  return value && value->size() <= kLongestValidator ? *value : std::string();
}

// The same URL would fail for everybody, or nobody may go on.
bool is_final(const Error& error) {
  return error.reason() == Reason::cancelled || error.reason() == Reason::disk_full ||
         error.reason() == Reason::storage_failed || error.reason() == Reason::internal;
}

RepositoryIndex parse(Spool& spool, const Answer& answer, const std::set<std::string>& names) {
  try {
    FileSource source(spool.rewind(), "index.yaml");
    return read_repository_index(source, names);
  } catch (const Error& error) {
    if (error.reason() == Reason::protocol_violation && is_web_page(answer.response))
      throw not_a_registry_answer(answer.response, answer.url, "");
    throw;
  }
}

}  // namespace

// What is known of one repository. Whoever holds `busy` asks, the others wait for the answer.
struct Repositories::Shelf {
  std::mutex busy;
  bool opened = false;  // the note was looked at
  KeptIndex index;
  std::atomic<std::uint64_t> answered_in = 0;  // pass
  std::atomic<std::uint64_t> failures = 0;
  std::optional<Error> failure;  // the last
};

Repositories::Repositories(const Spec& spec, Courier& courier, Log& log)
    : spec_(spec), courier_(courier), log_(log) {
  for (const ChartSpec& chart : spec.charts)
    if (chart.repository)
      wanted_[chart.repository->url].insert(chart.repository->chart);
}

Repositories::~Repositories() = default;

Repositories::Shelf& Repositories::shelf_of(const std::string& url) {
  return shelves_.with([&](auto& shelves) -> Shelf& {
    auto& shelf = shelves[url];
    if (!shelf)
      shelf = std::make_unique<Shelf>();
    return *shelf;
  });
}

std::shared_ptr<const ChartVersions> Repositories::versions(const ChartSpec& chart,
                                                            const Volume* volume,
                                                            TransferCounts& counts,
                                                            std::stop_token stop) {
  const RepositorySpec& repository = chart.repository.value();
  Shelf& shelf = shelf_of(repository.url);
  const std::uint64_t failures = shelf.failures;
  const std::lock_guard lock(shelf.busy);
  if (shelf.failures != failures)
    throw Error(*shelf.failure);  // what we waited for failed for us too
  if (!std::exchange(shelf.opened, true) && volume != nullptr)
    if (auto kept = read_kept_index(*volume, repository.url))
      shelf.index = *std::move(kept);
  if (shelf.answered_in != pass_ || !shelf.index.charts.contains(repository.chart)) {
    try {
      const std::uint64_t now = pass_;
      ask(chart, shelf, volume, counts, stop);
      shelf.answered_in = now;
    } catch (const Error& error) {
      if (error.reason() != Reason::cancelled) {  // that is for who was stopped alone
        shelf.failure = error;
        ++shelf.failures;
      }
      throw;
    }
  }
  return shelf.index.charts.find(repository.chart)->second;
}

void Repositories::ask(const ChartSpec& chart, Shelf& shelf, const Volume* volume,
                       TransferCounts& counts, std::stop_token stop) {
  const RepositorySpec& repository = *chart.repository;
  std::set<std::string> names = {repository.chart};
  if (const auto known = wanted_.find(repository.url); known != wanted_.end())
    names.insert(known->second.begin(), known->second.end());
  const KeptIndex& kept = shelf.index;
  const bool conditional =
      kept.has_validator() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        return kept.charts.contains(name);
      });

  const Url base = url_of(repository);
  const Endpoint endpoint(spec_, chart.reference, base);
  Errand errand{Method::get, file_url(base, "index.yaml"), endpoint.scope(),
                "the index of " + base.display()};
  if (conditional && !kept.etag.empty())
    errand.headers.add("If-None-Match", kept.etag);
  if (conditional && !kept.last_modified.empty())
    errand.headers.add("If-Modified-Since", kept.last_modified);
  std::optional<Spool> spool;
  errand.choose_body = [&](const ResponseHead& head) -> Sink* {
    return head.status == 200 ? &spool.emplace(volume, kMaxIndexBytes, errand.what) : nullptr;
  };
  const auto describe = [&] { return "asking for " + errand.what; };
  during(describe, [&] {
    const Answer answer = courier_.carry(endpoint, errand, counts, stop);
    if (answer.status() == 304 && conditional)
      return;
    if (answer.status() != 200 || !spool)
      throw complaint(answer, errand);
    KeptIndex fresh{
        validator(answer.response, "ETag"), validator(answer.response, "Last-Modified"), {}};
    for (auto& [name, versions] : parse(*spool, answer, names))
      fresh.charts[name] = std::make_shared<const ChartVersions>(std::move(versions));
    shelf.index = std::move(fresh);
    if (volume != nullptr)
      write_kept_index(*volume, repository.url, shelf.index);
  });
}

Spool Repositories::fetch(const Endpoint& endpoint, const Errand& errand, std::uint64_t limit,
                          const Volume* volume, TransferCounts& counts, std::stop_token stop) {
  require_allowed(errand.url, endpoint);
  std::optional<Spool> spool;
  Errand fetching = errand;
  fetching.choose_body = [&](const ResponseHead& head) -> Sink* {
    return head.status == 200 ? &spool.emplace(volume, limit, errand.what) : nullptr;
  };
  const auto describe = [&] { return "fetching " + errand.what; };
  return during(describe, [&] {
    const Answer answer = courier_.carry(endpoint, fetching, counts, stop);
    if (answer.status() != 200 || !spool)
      throw complaint(answer, errand);
    return *std::move(spool);
  });
}

// One URL after the other; the last one's failure is the failure.
Spool Repositories::fetch_file(const ChartSpec& chart, const IndexEntry& entry,
                               std::string_view suffix, std::uint64_t limit, const Volume* volume,
                               TransferCounts& counts, std::stop_token stop) {
  const Url base = url_of(chart.repository.value());
  const Endpoint endpoint(spec_, chart.reference, base);
  for (std::size_t i = 0;; ++i) {
    try {
      const Url plain = file_url(base, entry.urls.at(i));
      const std::string query = plain.query().empty() ? "" : "?" + plain.query();
      const auto url =
          Url::parse(plain.with_path(fmt::format("{}{}", plain.path(), suffix)).str() + query);
      Errand errand{Method::get, url.value(), endpoint.scope(), "the file " + url->display()};
      Spool spool = fetch(endpoint, errand, limit, volume, counts, stop);
      if (suffix.empty() && entry.digest && spool.digest() != *entry.digest)
        throw Error(Reason::digest_mismatch,
                    fmt::format("{} is {}, the index says {}", errand.what, spool.digest().str(),
                                entry.digest->str()));
      return spool;
    } catch (const Error& error) {
      if (is_final(error) || i + 1 == entry.urls.size())
        throw;
    }
  }
}

Spool Repositories::archive(const ChartSpec& chart, const IndexEntry& entry, std::uint64_t limit,
                            const Volume* volume, TransferCounts& counts, std::stop_token stop) {
  try {
    return fetch_file(chart, entry, "", limit, volume, counts, std::move(stop));
  } catch (const Error& error) {
    if (error.reason() == Reason::digest_mismatch)
      shelf_of(chart.repository->url).answered_in = 0;
    throw;
  }
}

Repositories::Provenance Repositories::provenance(const ChartSpec& chart, const IndexEntry& entry,
                                                  std::uint64_t limit, const Volume* volume,
                                                  TransferCounts& counts, std::stop_token stop) {
  try {
    return {.file = fetch_file(chart, entry, ".prov", limit, volume, counts, std::move(stop))};
  } catch (const Error& error) {
    if (error.fault() != Fault::wait_for_person)
      throw;
    // Object stores say 403 of what they have not got.
    if (error.reason() == Reason::not_found || error.reason() == Reason::unauthorized)
      return {};
    log_.warning("ProvenanceMissing", error.what(),
                 {{"chart", chart.name}, {"reason", std::string(to_string(error.reason()))}});
    return {.settled = false};
  }
}

}  // namespace ocisync
