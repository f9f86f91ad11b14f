#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/guarded.h"
#include "base/log.h"
#include "registry/client.h"
#include "registry/repository_index.h"
#include "registry/spool.h"
#include "spec/spec.h"
#include "store/volume.h"

namespace ocisync {

class Courier;
struct Endpoint;
struct Errand;

// The classic chart repositories of a spec. An index is asked for once a pass, whoever of the
// charts comes first, on the condition that it changed since; of what it lists only the spec's own
// charts are kept, in memory and as a note in the cache. Credentials, client certificates and
// patience are those of the registries entry of the repository's host; URLs that lead to another
// origin get none of them and are judged like redirects. The charts passed in have a repository;
// `volume` is the cache's, null where there is none. Safe from any thread.
class Repositories {
 public:
  Repositories(const Spec& spec, Courier& courier, Log& log);
  ~Repositories();

  // What was heard before is asked for again.
  void new_pass() { ++pass_; }

  // What the index lists of a chart. Throws what the exchange throws, (not_found) when there is no
  // index, (protocol_violation) when it is none, (limit_exceeded) above 50 MiB.
  std::shared_ptr<const ChartVersions> versions(const ChartSpec& chart, const Volume* volume,
                                                TransferCounts& counts, std::stop_token stop);

  // The archive of an entry, from the first of its URLs that has it. Its digest is that of the
  // index where that names one: anything else is Error(digest_mismatch), and the index is asked for
  // again before it is believed again. At most `limit` bytes.
  Spool archive(const ChartSpec& chart, const IndexEntry& entry, std::uint64_t limit,
                const Volume* volume, TransferCounts& counts, std::stop_token stop);

  struct Provenance {
    std::optional<Spool> file{};  // absent when the server has none to show
    bool settled = true;          // false: it has other reasons, of which the log warns
  };

  // The provenance file beside it. Throws what may pass, and what is a matter of ours.
  Provenance provenance(const ChartSpec& chart, const IndexEntry& entry, std::uint64_t limit,
                        const Volume* volume, TransferCounts& counts, std::stop_token stop);

 private:
  struct Shelf;

  Shelf& shelf_of(const std::string& url);
  void ask(const ChartSpec& chart, Shelf& shelf, const Volume* volume, TransferCounts& counts,
           std::stop_token stop);
  Spool fetch(const Endpoint& endpoint, const Errand& errand, std::uint64_t limit,
              const Volume* volume, TransferCounts& counts, std::stop_token stop);
  Spool fetch_file(const ChartSpec& chart, const IndexEntry& entry, std::string_view suffix,
                   std::uint64_t limit, const Volume* volume, TransferCounts& counts,
                   std::stop_token stop);

  const Spec& spec_;
  Courier& courier_;
  Log& log_;
  std::map<std::string, std::set<std::string>> wanted_;  // URL -> chart names
  std::atomic<std::uint64_t> pass_ = 1;
  Guarded<std::map<std::string, std::unique_ptr<Shelf>>> shelves_;
};

}  // namespace ocisync
