#include <fmt/format.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/table.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/json.h"
#include "base/text.h"
#include "export/publisher.h"

namespace ocisync {
namespace {

struct RollbackOptions {
  SpecOptions spec;
  LogOptions log;
  std::optional<OutputFormat> output;
  std::optional<std::string> to;
  bool list = false;
  bool clear = false;
};

void declare_rollback(Flags& flags, RollbackOptions& options) {
  declare_config(flags, options.spec);
  flags.path("export", "DIR", options.spec.exports, "The export directory (spec.export.path)");
  flags.toggle("list", options.list, "The generations that are kept");
  flags.text("to", "GENERATION", options.to, "Show this one, until the spec changes or --clear")
      .brief = "Show this one until the spec changes";
  flags.toggle("clear", options.clear, "End a rollback; the next pass shows what is newest").brief =
      "End a rollback: the next pass shows the newest";
  declare_output(flags, options.output);
  declare(flags, options.log);
}

std::uint64_t parse_generation(const std::string& text) {
  if (const auto number = parse_generation_number(text))
    return *number;
  throw Error(Reason::usage_invalid,
              "--to: '" + printable(text) + "' is no number of a generation");
}

Error nothing_shown(const Spec& spec) {
  return Error(Reason::usage_invalid, printable(spec.exports.path->string(), 4096) +
                                          " has no generations: nothing was shown there yet");
}

struct Listing {
  std::vector<std::shared_ptr<const Generation>> generations;  // newest first
  std::shared_ptr<const Generation> shown;                     // null: none
  std::optional<Pin> pin;
};

Listing listing_of(const Snapshot& snapshot) {
  Listing listing{.generations = {}, .shown = snapshot.shown(), .pin = snapshot.pin()};
  for (const std::uint64_t number : snapshot.numbers())
    if (auto generation = snapshot.find(number))
      listing.generations.push_back(std::move(generation));
  return listing;
}

bool is_shown(const Listing& listing, const Generation& generation) {
  return listing.shown && listing.shown->number == generation.number;
}

bool is_pinned(const Listing& listing, const Generation& generation) {
  return listing.pin && listing.pin->generation == generation.number;
}

// What a generation has that the one before it has not.
std::string news(const Generation& generation, const Generation* before) {
  constexpr std::size_t kMost = 4;
  std::string text;
  std::size_t count = 0;
  for (const Publication& publication : generation.charts) {
    const Publication* old = before ? before->find(publication.path) : nullptr;
    if (old && old->tree() == publication.tree())
      continue;
    if (count++ < kMost)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", publication.chart,
                          publication.chart_version);
  }
  return count > kMost ? fmt::format("{} and {} more", text, count - kMost) : text;
}

std::string listing_table(const Listing& listing) {
  std::vector<std::vector<std::string>> rows = {
      {"GENERATION", "MADE", "CHARTS", "STATE", "NEW IN IT"}};
  for (std::size_t i = 0; i < listing.generations.size(); ++i) {
    const Generation& generation = *listing.generations[i];
    const Generation* before =
        i + 1 < listing.generations.size() ? listing.generations[i + 1].get() : nullptr;
    rows.push_back({std::to_string(generation.number), rfc3339(generation.made),
                    std::to_string(generation.charts.size()),
                    is_pinned(listing, generation)  ? "pinned"
                    : is_shown(listing, generation) ? "current"
                                                    : "-",
                    news(generation, before)});
  }
  return aligned_table(rows);
}

Json generation_json(const Listing& listing, const Generation& generation) {
  Json charts = Json::array();
  for (const Publication& publication : generation.charts)
    charts.add(Json::object()
                   .set("name", publication.chart)
                   .set("ref", publication.reference)
                   .set("version", publication.chart_version)
                   .set("digest", publication.manifest.str()));
  return Json::object()
      .set("generation", generation.number)
      .set("made", rfc3339(generation.made))
      .set("current", is_shown(listing, generation))
      .set("pinned", is_pinned(listing, generation))
      .set("charts", std::move(charts));
}

std::string listing_json(const Listing& listing) {
  Json generations = Json::array();
  for (const auto& generation : listing.generations)
    generations.add(generation_json(listing, *generation));
  return document_of_kind("GenerationList").set("generations", std::move(generations)).dump(2) +
         "\n";
}

int list_generations(const RollbackOptions& options, const Spec& spec) {
  const auto publisher = Publisher::open_read_only(*spec.exports.path, spec.name, spec.exports);
  if (!publisher)
    throw nothing_shown(spec);
  const Listing listing = listing_of(publisher->snapshot());
  print(options.output == OutputFormat::json ? listing_json(listing) : listing_table(listing));
  return 0;
}

int change(const RollbackOptions& options, const Spec& spec) {
  const auto to = options.to ? std::optional(parse_generation(*options.to)) : std::nullopt;
  if (!Publisher::open_read_only(*spec.exports.path, spec.name, spec.exports))
    throw nothing_shown(spec);
  Publisher publisher = Publisher::open(*spec.exports.path, spec.name, spec.exports);
  if (to)
    publisher.roll_back({*to, spec.hash, std::chrono::system_clock::now()});
  else
    publisher.remove_pin();
  const Listing listing = listing_of(publisher.snapshot());
  if (options.output == OutputFormat::json)
    print(listing_json(listing));
  else if (to)
    print(
        fmt::format("{} leads to generation {} and stays there until the spec changes or --clear\n",
                    (*spec.exports.path / kCurrentName).string(), *to));
  else
    print("the next pass shows what is newest\n");
  return 0;
}

int run_rollback(const RollbackOptions& options) {
  if (int{options.list} + int{options.clear} + int{options.to.has_value()} != 1)
    throw Error(Reason::usage_invalid, "rollback takes one of --list, --to GENERATION and --clear");
  const auto log = make_log(options.log);
  const Spec spec = load_effective_spec(options.spec, *log);
  require_export_path(spec);
  if (spec.exports.layout != Layout::snapshot)
    throw Error(Reason::usage_invalid,
                fmt::format("layout {} has no generations to roll back to (layout: snapshot has)",
                            to_string(spec.exports.layout)));
  return options.list ? list_generations(options, spec) : change(options, spec);
}

}  // namespace

Command rollback_command() {
  return make_command<RollbackOptions>("rollback", "Show an earlier generation of layout snapshot",
                                       declare_rollback, run_rollback);
}

}  // namespace ocisync
