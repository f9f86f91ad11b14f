#include "export/snapshot.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "export/site.h"
#include "export/staged.h"

namespace ocisync {
namespace {

constexpr std::string_view kPinName = "pinned";
constexpr std::uint64_t kGenerationRecordLimit = 64ULL << 20;
constexpr std::uint64_t kPinLimit = 64ULL << 10;

std::string record_name(std::uint64_t number) { return fmt::format("{}.json", number); }

std::string_view inner_path(std::string_view path) { return path.substr(kCurrentName.size() + 1); }

std::string serialised(const Generation& generation) {
  Json charts = Json::array();
  for (const Publication& publication : generation.charts)
    charts.add(to_json(publication));
  return Json::object()
             .set("generation", generation.number)
             .set("made", rfc3339(generation.made))
             .set("charts", std::move(charts))
             .dump() +
         "\n";
}

std::shared_ptr<const Generation> parsed(const std::string& bytes, std::uint64_t number) {
  try {
    const Json json = Json::parse(bytes);
    const std::string* made = json.find_string("made");
    const Json* charts = json.find("charts");
    const auto time = made ? parse_rfc3339(*made) : std::nullopt;
    if (!time || !charts)
      return nullptr;
    auto generation = std::make_shared<Generation>();
    generation->number = number;
    generation->made = *time;
    for (const Json& chart : charts->items())
      generation->charts.push_back(parse_publication(chart));
    return generation;
  } catch (const Error&) {
    return nullptr;
  }
}

// Every link below a directory of a generation; whatever else somebody put there comes with an
// empty target.
template <typename Visit>
void each_link(const Directory& directory, const std::string& path, const Visit& visit) {
  for (const std::string& name : directory.names()) {
    const std::string below = path + "/" + name;
    if (const auto inner = find_directory(directory, name))
      each_link(*inner, below, visit);
    else if (directory.status(name))
      visit(below, directory.read_link(name).value_or(""));
  }
}

std::vector<std::uint64_t> numbers_in(const Directory& home) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : home.names())
    if (const auto number = parse_generation_number(name))
      numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end(), std::greater<>());
  return numbers;
}

}  // namespace

const Publication* Generation::find(std::string_view path) const {
  const auto found = std::lower_bound(charts.begin(), charts.end(), path,
                                      [](const Publication& publication, std::string_view wanted) {
                                        return publication.path < wanted;
                                      });
  return found != charts.end() && found->path == path ? &*found : nullptr;
}

bool Generation::holds(const std::vector<Publication>& publications) const {
  return std::equal(charts.begin(), charts.end(), publications.begin(), publications.end(),
                    [](const Publication& a, const Publication& b) {
                      return a.path == b.path && a.tree() == b.tree();
                    });
}

// ---- looking ----

std::optional<Directory> Snapshot::home() const {
  return volume_.find(generations_directory(owner_));
}

std::optional<GenerationName> Snapshot::current() const {
  const auto target = volume_.root()->read_link(kCurrentName);
  return target ? parse_generation_link(*target) : std::nullopt;
}

void Snapshot::require_ours() const {
  const auto status = volume_.root()->status(kCurrentName);
  const auto name = current();
  if (!status || (name && name->owner == owner_))
    return;
  throw Error(Reason::path_conflict,
              name ? fmt::format("{} shows the snapshot of {}: on one volume one owner has it",
                                 kCurrentName, printable(name->owner))
                   : Site::at(*volume_.root(), std::string(kCurrentName)).description() +
                         " that was not published here")
      .hint(name ? "give this owner another export.path, or another layout"
                 : "move it away: layout snapshot needs that name");
}

std::shared_ptr<const Generation> Snapshot::shown() const {
  const auto name = current();
  return name && name->owner == owner_ ? find(name->number) : nullptr;
}

std::vector<std::uint64_t> Snapshot::numbers() const {
  const auto existing = home();
  return existing ? numbers_in(*existing) : std::vector<std::uint64_t>();
}

std::shared_ptr<const Generation> Snapshot::find(std::uint64_t number) const {
  const auto existing = home();
  const auto status = existing ? existing->status(record_name(number)) : std::nullopt;
  if (!status)
    return nullptr;
  const FileStamp stamp(*status);
  auto kept = known_.with([&](const auto& known) {
    return known && known->first == number && known->second.stamp == stamp
               ? std::optional(known->second)
               : std::nullopt;
  });
  if (kept)
    return kept->generation;
  const auto bytes = existing->read(record_name(number), kGenerationRecordLimit);
  auto generation = bytes ? parsed(*bytes, number) : nullptr;
  known_.with([&](auto& known) { known.emplace(number, Known{stamp, generation}); });
  return generation;
}

bool Snapshot::stands(const Generation& generation) const {
  const auto existing = home();
  const auto directory =
      existing ? existing->find(std::to_string(generation.number)) : std::nullopt;
  if (!directory)
    return false;
  std::size_t right = 0;
  bool wrong = false;
  each_link(*directory, std::string(kCurrentName),
            [&](const std::string& path, const std::string& target) {
              const Publication* publication = generation.find(path);
              const bool as_made =
                  publication && target == generation_entry_target(path, publication->tree());
              right += static_cast<std::size_t>(as_made);
              wrong = wrong || !as_made;
            });
  return !wrong && right == generation.charts.size();
}

// ---- changing ----

std::shared_ptr<const Generation> Snapshot::make(std::vector<Publication> charts,
                                                 WallTime now) const {
  const mode_t mode = volume_.modes().directory;
  const Directory staging = volume_.ensure("staging");
  const Staged staged = Staged::directory(staging);
  const Directory into = staged.open();
  for (const Publication& publication : charts) {
    const std::string path(inner_path(publication.path));
    const auto slash = path.rfind('/');
    const Directory parent =
        slash == std::string::npos ? into.duplicate() : into.ensure(path.substr(0, slash), mode);
    parent.link_atomic(generation_entry_target(publication.path, publication.tree()),
                       path.substr(slash + 1));
  }
  staged.open_up(mode);

  const Directory existing = volume_.ensure(generations_directory(owner_));
  auto generation = std::make_shared<Generation>();
  const auto made = numbers_in(existing);
  generation->number = made.empty() ? 1 : made.front() + 1;
  generation->made = now;
  generation->charts = std::move(charts);
  // On a volume without locks another process may take the number first.
  while (!existing.write_new(record_name(generation->number), serialised(*generation),
                             volume_.modes().file) ||
         !staging.rename_new(staged.name(), existing, std::to_string(generation->number)))
    ++generation->number;
  return generation;
}

void Snapshot::show(std::uint64_t number) const {
  require_ours();
  const Directory staging = volume_.ensure("staging");
  const Staged staged = Staged::link(staging, link_target(GenerationName{owner_, number}));
  staging.rename(staged.name(), *volume_.root(), kCurrentName);
}

// Renamed away first, so that nobody finds half of it under its name.
void Snapshot::remove(const Directory& home, std::uint64_t number) const {
  const Directory staging = volume_.ensure("staging");
  const std::string gone = private_name("old-");
  home.rename(std::to_string(number), staging, gone);
  home.remove_file(record_name(number));
  staging.remove_tree(gone);
}

void Snapshot::trim(std::size_t count) const {
  const auto existing = home();
  if (!existing)
    return;
  const auto name = current();
  const auto pinned = pin();
  std::size_t kept = 0;
  for (const std::uint64_t number : numbers_in(*existing)) {
    const bool held =
        (name == GenerationName{owner_, number}) || (pinned && pinned->generation == number);
    if (kept++ >= count && !held)
      remove(*existing, number);
  }
}

void Snapshot::withdraw() const {
  if (const auto name = current(); name && name->owner == owner_)
    volume_.root()->remove_file(kCurrentName);
  if (const auto generations = volume_.find(kGenerations))
    generations->remove_tree(owner_);
}

// ---- the pin ----

std::string pin_path(std::string_view owner) {
  return fmt::format("{}/{}/{}", kControlName, generations_directory(owner), kPinName);
}

std::optional<Pin> Snapshot::pin() const {
  const auto existing = home();
  const auto bytes = existing ? existing->read(kPinName, kPinLimit) : std::nullopt;
  if (!bytes)
    return std::nullopt;
  try {
    const Json json = Json::parse(*bytes);
    const std::string* hash = json.find_string("specHash");
    const std::string* since = json.find_string("since");
    const std::string* number = json.find_string("generation");
    const auto time = since ? parse_rfc3339(*since) : std::nullopt;
    const auto generation = number ? parse_generation_number(*number) : std::nullopt;
    if (hash && time && generation)
      return Pin{*generation, *hash, *time};
  } catch (const Error&) {
    // As good as none: what it said is lost.
  }
  return std::nullopt;
}

void Snapshot::set_pin(const Pin& pin) const {
  const Json json = Json::object()
                        .set("generation", std::to_string(pin.generation))
                        .set("specHash", pin.spec_hash)
                        .set("since", rfc3339(pin.since));
  volume_.ensure(generations_directory(owner_))
      .write_atomic(kPinName, json.dump() + "\n", volume_.modes().file);
}

void Snapshot::remove_pin() const {
  if (const auto existing = home())
    existing->remove_file(kPinName);
}

void each_tree_of_generations(
    const ExportVolume& volume,
    const std::function<void(const std::string& owner, const TreeName& tree)>& visit) {
  const auto generations = volume.find(kGenerations);
  if (!generations)
    return;
  for (const std::string& owner : generations->names())
    if (const auto home = find_directory(*generations, owner))
      for (const std::uint64_t number : numbers_in(*home))
        if (const auto directory = find_directory(*home, std::to_string(number)))
          each_link(*directory, std::string(kCurrentName),
                    [&](const std::string& path, const std::string& target) {
                      if (const auto tree = parse_generation_entry(path, target))
                        visit(owner, *tree);
                    });
}

}  // namespace ocisync
