#include "spec/load.h"

#include <map>
#include <string_view>

#include <fmt/format.h>

#include "oci/digest.h"
#include "spec/chart_list.h"
#include "spec/schema.h"

namespace ocisync {
namespace {

// Room for 10,000 charts that each merge a default of forty fields.
constexpr std::size_t kMostAliasNodes = 500'000;

// The document of one file. What its syntax breaks is complained about; a file whose only fault are
// keys that stand twice is read on, so that everything is said at once.
std::optional<YamlValue> parse_document(Reading& reading, const SpecSource& source, int file) {
  YamlOptions options;
  options.file = file;
  options.alias_nodes = kMostAliasNodes;
  std::vector<YamlProblem> problems;
  YamlValue document = parse_yaml(source.text, options, problems);
  if (problems.empty())
    return document;
  for (YamlProblem& problem : problems)
    reading.complain(problem.at, std::move(problem.path), std::move(problem.message));
  problems.clear();
  options.duplicates = YamlOptions::Duplicates::last_wins;
  document = parse_yaml(source.text, options, problems);
  return problems.empty() ? std::optional(std::move(document)) : std::nullopt;
}

// Whether the document means to be a spec at all; if not, one complaint says what it is instead.
bool is_spec(Reading& reading, const YamlValue& document, int file) {
  const Position start{1, 1, file};
  if (document.is_null()) {
    reading.complain(start, "the file is empty (it should hold a ChartSync)");
    return false;
  }
  if (!document.is_map()) {
    reading.complain(document.at, "the file holds no map (it should hold a ChartSync)");
    return false;
  }
  const YamlValue* const kind = document.find("kind");
  if (kind == nullptr || !kind->is_scalar() || kind->text == "ChartSync" ||
      kind->text.find("${") != std::string::npos)
    return true;  // what is wrong with it, if anything, its field will say
  const auto place = reading.inside("kind");
  if (kind->text == "ChartLock")
    reading.complain(kind->at,
                     "this is a lock file, not a spec (the spec it was made from belongs "
                     "here; --lock-file names lock files)");
  else
    reading.complain(kind->at, fmt::format("{} is not a kind that is read here (ChartSync)",
                                           quote_value(kind->text)));
  return false;
}

// What the document has at all, whatever it is worth: nothing is missing that is there but wrong.
void note_outline(const YamlValue& document, SpecDraft& draft) {
  const YamlValue* const metadata = document.find("metadata");
  if (metadata != nullptr && metadata->find("name") != nullptr)
    draft.has_name = true;
  const YamlValue* const spec = document.find("spec");
  const YamlValue* const charts = spec == nullptr ? nullptr : spec->find("charts");
  if (charts != nullptr && !(charts->is_sequence() && charts->items.empty()))
    draft.lists_charts = true;
  if (!draft.document || charts != nullptr)
    draft.charts_at = charts != nullptr ? charts->at : spec != nullptr ? spec->at : document.at;
  if (!draft.document)
    draft.document = document.at;
}

// Of several files the list of their hashes is hashed: joined texts do not tell where one ends.
std::string hash_of(const std::vector<SpecSource>& sources) {
  if (sources.size() == 1)
    return Digest::of(sources.front().text).hex();
  std::string hashes;
  for (const SpecSource& source : sources)
    hashes += Digest::of(source.text).hex() + "\n";
  return Digest::of(hashes).hex();
}

// Log, metrics and what is owed know a hook by its name.
void refuse_equal_hooks(Reading& reading, const std::vector<HookSpec>& hooks) {
  const auto place = reading.inside("hooks");
  std::map<std::string_view, const HookSpec*> known;
  for (const HookSpec& hook : hooks)
    if (const auto [first, fresh] = known.emplace(hook.name, &hook); !fresh && !hook.name.empty())
      reading.complain(hook.at, fmt::format("a hook is called {} at {} already", hook.name,
                                            reading.position(first->second->at)));
}

void demand_name(Reading& reading, const SpecDraft& draft) {
  if (draft.has_name || !draft.document)
    return;
  const auto metadata = reading.inside("metadata");
  const auto name = reading.inside("name");
  reading.complain(*draft.document, "is missing (the owner of what is exported has a name)");
}

}  // namespace

LoadedSpec load_spec(const std::vector<SpecSource>& sources, const Environment& environment) {
  Reading reading(sources, environment);
  const Object<SpecDraft> schema = spec_schema();
  SpecDraft draft;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const int file = static_cast<int>(i);
    const auto document = parse_document(reading, sources[i], file);
    if (!document || !is_spec(reading, *document, file))
      continue;
    note_outline(*document, draft);
    schema.read(reading, *document, draft);
  }
  if (sources.empty())
    reading.complain({}, "no spec file was given");
  demand_name(reading, draft);
  settle_charts(reading, draft);
  settle_registries(reading, draft.spec);
  refuse_equal_hooks(reading, draft.spec.hooks);

  LoadedSpec loaded;
  loaded.problems = reading.take_problems();
  loaded.listen = draft.spec.http.listen;
  if (!loaded.problems.empty())
    return loaded;
  draft.spec.name = draft.name.value;
  draft.spec.hash = hash_of(sources);
  for (const SpecSource& source : sources)
    draft.spec.files.push_back(source.name);
  draft.spec.warnings = reading.take_warnings();
  loaded.spec = std::move(draft.spec);
  return loaded;
}

}  // namespace ocisync
