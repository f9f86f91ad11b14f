#include "export/ledger.h"

#include <algorithm>

#include <sys/stat.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/json.h"
#include "export/tree_name.h"

namespace ocisync {
namespace {

constexpr std::string_view kPublications = "publications";
constexpr std::string_view kSuffix = ".json";
constexpr std::uint64_t kEntryLimit = 4ULL << 20;

std::string entry_name(std::string_view path) { return escape(path, "/").append(kSuffix); }

// Absent: not a name that we would have given.
std::optional<std::string> path_of(std::string_view name) {
  if (!name.ends_with(kSuffix) || name.starts_with('.'))
    return std::nullopt;
  auto path = unescape(name.substr(0, name.size() - kSuffix.size()));
  return path && stays_inside(*path) && entry_name(*path) == name ? std::move(path) : std::nullopt;
}

Json to_json(const LedgerEntry& entry) {
  Json history = Json::array();
  for (const Superseded& superseded : entry.history)
    history.add(to_json(superseded));
  return to_json(entry.publication)
      .set("directoryStands", entry.directory_stands)
      .set("history", std::move(history));
}

LedgerEntry parse_entry(const Json& json) {
  LedgerEntry entry{.publication = parse_publication(json)};
  if (const Json* stands = json.find("directoryStands"))
    entry.directory_stands = stands->boolean().value_or(false);
  if (const Json* history = json.find("history"))
    for (const Json& item : history->items())
      entry.history.push_back(parse_superseded(item));
  return entry;
}

std::optional<LedgerEntry> read_entry(const Directory& home, const std::string& path,
                                      const struct stat& status) {
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > kEntryLimit)
    return std::nullopt;
  const auto bytes = home.read(entry_name(path), kEntryLimit);
  if (!bytes)
    return std::nullopt;
  try {
    LedgerEntry entry = parse_entry(Json::parse(*bytes));
    return entry.publication.path == path ? std::optional(std::move(entry)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string serialised(const LedgerEntry& entry) { return to_json(entry).dump(2) + "\n"; }

}  // namespace

std::optional<LedgerEntry> Ledger::look_up(const Directory& home, const std::string& path) const {
  // Before it is read: an entry that is replaced in between is read again the next time.
  const auto status = home.status(entry_name(path));
  if (!status) {
    known_.with([&](auto& known) { known.erase(path); });
    return std::nullopt;
  }
  const FileStamp stamp(*status);
  auto kept = known_.with([&](const auto& known) -> std::optional<Known> {
    const auto found = known.find(path);
    return found == known.end() ? std::nullopt : std::optional(found->second);
  });
  if (kept && kept->stamp == stamp)
    return std::move(kept->entry);
  auto entry = read_entry(home, path, *status);
  known_.with([&](auto& known) { known.insert_or_assign(path, Known{stamp, entry}); });
  return entry;
}

std::optional<LedgerEntry> Ledger::find(const std::string& path) const {
  const auto existing = volume_.find(kPublications);
  return existing ? look_up(*existing, path) : std::nullopt;
}

std::vector<std::string> Ledger::paths() const {
  std::vector<std::string> result;
  if (const auto existing = volume_.find(kPublications))
    for (const std::string& name : existing->names())
      if (auto path = path_of(name))
        result.push_back(std::move(*path));
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<LedgerEntry> Ledger::all() const {
  std::vector<LedgerEntry> result;
  const auto existing = volume_.find(kPublications);
  for (const std::string& path : paths())
    if (auto entry = look_up(*existing, path))
      result.push_back(std::move(*entry));
  return result;
}

bool Ledger::claim(const LedgerEntry& entry) const {
  const Directory directory = volume_.ensure(kPublications);
  if (directory.write_new(entry_name(entry.publication.path), serialised(entry),
                          volume_.modes().file))
    return true;
  if (look_up(directory, entry.publication.path))
    return false;
  write(entry);  // over one that cannot be read
  return true;
}

void Ledger::write(const LedgerEntry& entry) const {
  volume_.ensure(kPublications)
      .write_atomic(entry_name(entry.publication.path), serialised(entry), volume_.modes().file);
}

void Ledger::erase(const std::string& path) const {
  if (const auto existing = volume_.find(kPublications))
    existing->remove_file(entry_name(path));
}

}  // namespace ocisync
