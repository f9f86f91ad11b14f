#include "reconcile/confirmations.h"

#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kLimit = 64ULL << 20;
constexpr int kFormat = 1;

// The folder of the status, if it is there, and the file's name in it.
std::pair<std::optional<Directory>, std::string> locate(const StatusPlace& place) {
  if (!place.file)
    return {place.control.find("status"), place.owner + ".json"};
  const std::filesystem::path path = std::filesystem::absolute(*place.file);
  return {Directory::open_if_exists(path.parent_path()), path.filename().string()};
}

bool confirms(ChartState state) {
  switch (state) {
    case ChartState::updated:
    case ChartState::unchanged:
    case ChartState::repaired:
      return true;
    case ChartState::removed:
    case ChartState::failed:
    case ChartState::suspended:
    case ChartState::skipped:
      return false;
  }
  return false;
}

Json chart_entry(const Outcome& outcome, const Confirmations& before, WallTime now) {
  Json entry = Json::object();
  entry.set("name", outcome.name);
  entry.set("ref", outcome.reference);
  entry.set("state", std::string(to_string(outcome.state)));
  if (!outcome.version.empty())
    entry.set("version", outcome.version);
  if (outcome.digest)
    entry.set("digest", outcome.digest->str());
  if (confirms(outcome.state))
    entry.set("lastSuccess", rfc3339(now));
  else if (const auto old = before.find(outcome.name); old != before.end())
    entry.set("lastSuccess", rfc3339(old->second));
  if (outcome.reason) {
    entry.set("reason", std::string(to_string(*outcome.reason)));
    entry.set("message", outcome.message);
  }
  return entry;
}

}  // namespace

Confirmations read_confirmations(const StatusPlace& place) {
  Confirmations result;
  try {
    const auto [directory, file] = locate(place);
    const auto text = directory ? directory->read(file, kLimit) : std::nullopt;
    const Json status = text ? Json::parse(*text) : Json();
    const Json* charts = status.find("charts");
    if (!charts)
      return result;
    for (const Json& chart : charts->items()) {
      const std::string* name = chart.find_string("name");
      const std::string* time = chart.find_string("lastSuccess");
      const auto when = time ? parse_rfc3339(*time) : std::nullopt;
      if (name && when)
        result.emplace(*name, *when);
    }
  } catch (const Error&) {
    result.clear();
  }
  return result;
}

void write_status(const StatusPlace& place, const PassResult& result, const Confirmations& before,
                  WallTime now) {
  Json charts = Json::array();
  for (const Outcome& outcome : result.charts)
    if (outcome.state != ChartState::removed)
      charts.add(chart_entry(outcome, before, now));
  Json status = Json::object();
  status.set("format", kFormat);
  status.set("owner", place.owner);
  status.set("written", rfc3339(now));
  status.set("specHash", result.spec_hash);
  status.set("charts", std::move(charts));
  if (!place.file)
    place.control.ensure("status", kDefaultModes.directory);
  const auto [directory, name] = locate(place);
  if (!directory)
    throw Error(Reason::storage_failed,
                fmt::format("the folder of {} does not exist", printable(place.file->string())));
  directory->write_atomic(name, status.dump(2) + "\n", kDefaultModes.file);
}

}  // namespace ocisync
