#include "registry/kept_index.h"

#include "base/error.h"
#include "base/json.h"
#include "store/notes.h"

namespace ocisync {
namespace {

constexpr int kFormat = 1;

std::string key_of(const std::string& url) { return "index " + url; }

Json to_json(const IndexEntry& entry) {
  Json urls = Json::array();
  for (const std::string& url : entry.urls)
    urls.add(url);
  Json json = Json::object();
  json.set("version", entry.version);
  json.set("urls", std::move(urls));
  if (entry.digest)
    json.set("digest", entry.digest->str());
  if (!entry.created.empty())
    json.set("created", entry.created);
  if (entry.deprecated)
    json.set("deprecated", true);
  return json;
}

std::string kept_text(const Json& json, std::string_view key) {
  const std::string* text = json.find_string(key);
  return text ? *text : std::string();
}

IndexEntry entry_of(const Json& json) {
  IndexEntry entry;
  entry.version = kept_text(json, "version");
  if (const Json* urls = json.find("urls"))
    for (const Json& url : urls->items())
      entry.urls.push_back(url.string() ? *url.string() : std::string());
  if (const std::string* digest = json.find_string("digest"))
    entry.digest = Digest::parse(*digest);
  entry.created = kept_text(json, "created");
  entry.deprecated = json.find("deprecated") != nullptr;
  // Anybody who may write the cache can seal a note: an entry is judged as if an index listed it.
  if (!usable_version(entry.version) || entry.urls.empty())
    throw Error(Reason::storage_failed, "a kept index lists a version that cannot be used");
  return entry;
}

Json to_json(const ChartVersions& versions) {
  Json entries = Json::array();
  for (const IndexEntry& entry : versions.entries)
    entries.add(to_json(entry));
  Json json = Json::object();
  json.set("entries", std::move(entries));
  if (versions.skipped > 0) {
    json.set("skipped", versions.skipped);
    json.set("firstFault", versions.first_fault);
  }
  return json;
}

std::shared_ptr<const ChartVersions> versions_of(const Json& json) {
  auto versions = std::make_shared<ChartVersions>();
  if (const Json* entries = json.find("entries"))
    for (const Json& entry : entries->items())
      versions->entries.push_back(entry_of(entry));
  const Json* skipped = json.find("skipped");
  versions->skipped = skipped ? skipped->unsigned_integer().value_or(0) : 0;
  versions->first_fault = kept_text(json, "firstFault");
  return versions;
}

}  // namespace

std::optional<KeptIndex> read_kept_index(const Volume& volume, const std::string& url) {
  const auto text = read_note(volume, key_of(url));
  if (!text)
    return std::nullopt;
  try {
    const Json json = Json::parse(*text);
    const Json* format = json.find("format");
    const Json* charts = json.find("charts");
    if (!format || format->integer() != kFormat || !charts || kept_text(json, "url") != url)
      return std::nullopt;
    KeptIndex index{kept_text(json, "etag"), kept_text(json, "lastModified"), {}};
    for (const auto& [name, versions] : charts->members())
      index.charts[name] = versions_of(versions);
    return index;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void write_kept_index(const Volume& volume, const std::string& url, const KeptIndex& index) {
  Json charts = Json::object();
  for (const auto& [name, versions] : index.charts)
    charts.set(name, to_json(*versions));
  Json json = Json::object();
  json.set("format", kFormat);
  json.set("url", url);
  json.set("etag", index.etag);
  json.set("lastModified", index.last_modified);
  json.set("charts", std::move(charts));
  write_note(volume, key_of(url), json.dump());
}

}  // namespace ocisync
