#include "store/roots.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/text.h"
#include "store/reference_tree.h"
#include "store/staging.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kRootsLimit = 256ULL << 20;
constexpr int kVersion = 1;
constexpr std::string_view kSuffix = ".json";

std::string pin_name(const Reference& reference) { return Digest::of(reference.str()).hex(); }

bool is_roots_file(std::string_view name) {
  return name.ends_with(kSuffix) && !name.starts_with('.');  // no owner's name begins so
}

std::string owner_of_file(std::string_view name) {
  name.remove_suffix(kSuffix.size());
  return unescape(name).value_or(std::string(name));
}

struct RootsFile {
  WallTime renewed;
  Roots roots;
};

const std::string& text_of(const Json& value) {
  if (const std::string* text = value.string())
    return *text;
  throw Error(Reason::protocol_violation, "a string was expected");
}

const Json& member(const Json& object, std::string_view key) {
  if (const Json* value = object.find(key))
    return *value;
  throw Error(Reason::protocol_violation, fmt::format("'{}' is missing", key));
}

// Throws when anything is not as write_roots makes it: what we cannot read may name anything.
RootsFile parse_roots(const std::string& text) {
  const Json document = Json::parse(text, {.depth = 8, .values = 20'000'000});
  if (member(document, "version").unsigned_integer() != kVersion)
    throw Error(Reason::format_unknown, "roots of another format");
  const auto renewed = parse_rfc3339(text_of(member(document, "renewed")));
  if (!renewed || !member(document, "blobs").is_array() ||
      !member(document, "references").is_array())
    throw Error(Reason::protocol_violation, "roots of another shape");
  RootsFile file{*renewed, {}};
  for (const Json& blob : member(document, "blobs").items())
    file.roots.blobs.insert(Digest::parse(text_of(blob)));
  for (const Json& reference : member(document, "references").items())
    file.roots.references.insert(text_of(reference));
  return file;
}

std::optional<RootsFile> read_roots(const Directory& folder, const std::string& name) {
  try {
    if (const auto text = folder.read(name, kRootsLimit))
      return parse_roots(*text);
  } catch (const Error&) {
    // damaged, of a newer version, or no file at all
  }
  return std::nullopt;
}

// What cannot be read was renewed when it was written.
bool has_lapsed(const std::optional<RootsFile>& file, const struct stat& status, WallTime now) {
  return now - (file ? file->renewed : modified(status)) > kRootsExpiry;
}

void add_roots(const Directory& folder, const std::string& name, WallTime now,
               NamedContent& named) {
  const auto status = folder.status(name);
  if (!status)
    return;
  std::string owner = owner_of_file(name);
  auto file = read_roots(folder, name);
  if (has_lapsed(file, *status, now)) {
    named.expired.push_back(std::move(owner));
  } else if (!file) {
    named.unreadable.push_back(std::move(owner));
  } else {
    named.roots.blobs.merge(file->roots.blobs);
    named.roots.references.merge(file->roots.references);
  }
}

}  // namespace

std::string roots_file_name(std::string_view owner) {
  std::string name;
  for (const char c : owner) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || (c == '.' && !name.empty());
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return name + std::string(kSuffix);
}

void write_roots(const Volume& volume, std::string_view owner, const Roots& roots, WallTime now) {
  Json blobs = Json::array();
  for (const Digest& digest : roots.blobs)
    blobs.add(digest.str());
  Json references = Json::array();
  for (const std::string& reference : roots.references)
    references.add(reference);
  Json document = Json::object();
  document.set("version", kVersion);
  document.set("owner", owner);
  document.set("renewed", rfc3339(now));
  document.set("blobs", std::move(blobs));
  document.set("references", std::move(references));
  volume.roots().write_atomic(roots_file_name(owner), document.dump(), volume.modes().file);
}

std::optional<Roots> find_roots(const Volume& volume, std::string_view owner) {
  const auto folder = volume.root().find(".ocisync/roots");
  auto file = folder ? read_roots(*folder, roots_file_name(owner)) : std::nullopt;
  return file ? std::optional(std::move(file->roots)) : std::nullopt;
}

void drop_roots(const Volume& volume, std::string_view owner, WallTime now) {
  const auto folder = volume.root().find(".ocisync/roots");
  const std::string name = roots_file_name(owner);
  const auto status = folder ? folder->status(name) : std::nullopt;
  if (status && has_lapsed(read_roots(*folder, name), *status, now))
    folder->remove_tree(name);
}

void pin(const Volume& volume, const Reference& reference) {
  const Directory pins = volume.pins();
  if (!pins.status(pin_name(reference)))
    pins.write_atomic(pin_name(reference), reference.str() + "\n", volume.modes().file);
}

bool unpin(const Volume& volume, const Reference& reference) {
  const Directory pins = volume.pins();
  const bool pinned = pins.status(pin_name(reference)).has_value();
  pins.remove_tree(pin_name(reference));
  return pinned;
}

bool NamedContent::names(const Reference& reference) const {
  return roots.references.contains(reference.str()) || pins.contains(pin_name(reference));
}

NamedContent read_named_content(const Volume& volume, WallTime now) {
  NamedContent named;
  if (const auto folder = volume.root().find(".ocisync/roots"))
    for (const std::string& name : folder->names())
      if (is_roots_file(name))
        add_roots(*folder, name, now, named);
  if (const auto folder = volume.root().find(".ocisync/pins"))
    for (std::string& name : folder->names())
      named.pins.insert(std::move(name));
  return named;
}

void restore_pins(const Volume& volume) {
  const Directory control = volume.root().ensure(".ocisync", volume.modes().directory);
  if (control.find("pins"))
    return;
  // Shown at once, with all its pins: half of them would pass for the whole after a crash.
  const std::string draft = private_name(".tmp-");
  const Directory pins = control.ensure(draft, volume.modes().directory);
  walk_references(volume, [&](const ReferencePlace& place) {
    if (!place.reference || place.links.empty())
      return;
    const Reference& reference = place.reference->reference;
    pins.write_atomic(pin_name(reference), reference.str() + "\n", volume.modes().file);
  });
  if (!control.rename_new(draft, control, "pins"))
    control.remove_tree(draft);  // another process was faster
}

}  // namespace ocisync
