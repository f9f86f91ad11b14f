#include "registry/repository_index.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/document_events.h"
#include "base/error.h"
#include "base/text.h"
#include "oci/reference.h"

namespace ocisync {
namespace {

constexpr std::size_t kLongestUrl = 8 * 1024;
constexpr std::size_t kLongestCreated = 64;

[[noreturn]] void refuse(std::string why) {
  throw Error(Reason::protocol_violation, "index.yaml " + std::move(why));
}

// An entry while its fields come in.
struct Draft {
  IndexEntry entry;
  std::set<std::string> seen;
  bool removed = false;
  std::string fault;  // the first
};

// Follows the way from the root: entries, a chart's name, its list, an entry, its urls.
class IndexReader final : public DocumentEvents {
 public:
  explicit IndexReader(const std::set<std::string>& names) {
    for (const std::string& name : names)
      index_[name];
  }

  RepositoryIndex take() {
    if (!has_version_)
      refuse("has no apiVersion: this is not the index of a chart repository");
    return std::move(index_);
  }

  void begin_map() override {
    if (depth_ == kList && chart_ != nullptr && is_list_)
      draft_.emplace();
    else
      begin_collection("a map");
    ++depth_;
  }

  void begin_list() override {
    if (depth_ == 0)
      refuse("is a list");
    if (depth_ == kChart && chart_ != nullptr)
      is_list_ = true;
    else if (!(depth_ == kEntry && draft_ && field_ == "urls"))
      begin_collection("a list");
    ++depth_;
  }

  void end() override {
    --depth_;
    if (depth_ == kList && draft_)
      settle();
    if (depth_ == kChart)
      is_list_ = false;
  }

  void key(std::string_view text) override {
    if (depth_ == kRoot) {
      section_ = text;
      chart_ = nullptr;
    } else if (depth_ == kChart && section_ == "entries") {
      const auto wanted = index_.find(text);
      chart_ = wanted == index_.end() ? nullptr : &wanted->second;
    } else if (depth_ == kEntry && draft_) {
      field_ = text.size() <= 16 ? text : std::string_view();
      const bool matters = field_ == "version" || field_ == "urls" || field_ == "digest" ||
                           field_ == "removed" || field_ == "deprecated" || field_ == "created";
      if (!matters)
        field_.clear();
      else if (!draft_->seen.insert(field_).second)
        fault(field_ + " stands there twice");
    }
  }

  void scalar(std::string_view text) override {
    if (depth_ == 0)
      refuse("is a single text");
    if (depth_ == kRoot && section_ == "apiVersion")
      has_version_ = !text.empty();
    else if (depth_ == kList && chart_ != nullptr && is_list_)
      skip("an entry that is no map");
    else if (depth_ == kEntry && draft_)
      take_field(text);
    else if (depth_ == kUrls && draft_ && field_ == "urls")
      take_url(text);
  }

  void null() override {
    if (depth_ == kList && chart_ != nullptr && is_list_)
      skip("an empty entry");
    else if (depth_ == kUrls && draft_ && field_ == "urls")
      fault("an empty url");
  }

  void alias() override {
    if (depth_ == kList && chart_ != nullptr && is_list_)
      skip("an entry that is an alias");
    else if (draft_ && !field_.empty())
      fault(field_ + " is an alias");
    else if (depth_ == kChart && chart_ != nullptr)
      skip("a list that is an alias");
  }

 private:
  // How many collections are open where the keys of each stand.
  static constexpr std::size_t kRoot = 1, kChart = 2, kList = 3, kEntry = 4, kUrls = 5;

  void begin_collection(std::string_view what) {
    if (depth_ == kList && chart_ != nullptr && is_list_)
      skip(fmt::format("an entry that is {}", what));
    else if (depth_ == kEntry && draft_ && !field_.empty())
      fault(fmt::format("{} is {}", field_, what));
    else if (depth_ == kChart && chart_ != nullptr)
      skip(fmt::format("{} in the place of a list of versions", what));
  }

  void fault(std::string why) {
    if (draft_->fault.empty())
      draft_->fault = std::move(why);
  }

  void skip(std::string why) {
    ++chart_->skipped;
    if (chart_->first_fault.empty())
      chart_->first_fault = std::move(why);
  }

  void take_field(std::string_view text) {
    IndexEntry& entry = draft_->entry;
    if (field_ == "version") {
      entry.version = text;
      if (!usable_version(text))
        fault(fmt::format("'{}' is not a version", printable(text, 80)));
    } else if (field_ == "digest" && !text.empty()) {
      const bool bare = text.find(':') == std::string_view::npos;
      entry.digest = Digest::try_parse(bare ? fmt::format("sha256:{}", text) : std::string(text));
      if (!entry.digest || entry.digest->algorithm() != DigestAlgorithm::sha256)
        fault(fmt::format("'{}' is not a sha256 digest", printable(text, 80)));
    } else if (field_ == "created") {
      entry.created = text.substr(0, kLongestCreated);
    } else if (field_ == "removed") {
      draft_->removed = text == "true";
    } else if (field_ == "deprecated") {
      entry.deprecated = text == "true";
    } else if (field_ == "urls") {
      fault("urls is not a list");
    }
  }

  void take_url(std::string_view text) {
    if (text.empty() || text.size() > kLongestUrl)
      fault(text.empty() ? "an empty url" : "a url that is too long");
    else if (draft_->entry.urls.size() < kMaxEntryUrls)
      draft_->entry.urls.emplace_back(text);
  }

  void settle() {
    Draft draft = *std::move(draft_);
    draft_.reset();
    field_.clear();
    const std::string& version = draft.entry.version;
    if (draft.fault.empty() && version.empty())
      draft.fault = "an entry without a version";
    if (draft.fault.empty() && draft.removed)
      draft.fault = "version " + version + " was removed";
    if (draft.fault.empty() && draft.entry.urls.empty())
      draft.fault = "version " + version + " has no url";
    if (!draft.fault.empty())
      return skip(draft.fault);
    kept_bytes_ += sizeof(IndexEntry) + version.size();
    for (const std::string& url : draft.entry.urls)
      kept_bytes_ += sizeof(std::string) + url.size();
    if (kept_bytes_ > kMaxKeptIndexBytes)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the wanted charts' entries in index.yaml are larger than {} bytes",
                              kMaxKeptIndexBytes));
    if (versions_of(*chart_).insert(version).second)
      chart_->entries.push_back(std::move(draft.entry));
  }

  std::set<std::string>& versions_of(const ChartVersions& chart) { return versions_[&chart]; }

  RepositoryIndex index_;
  std::map<const ChartVersions*, std::set<std::string>> versions_;
  std::size_t depth_ = 0;
  std::string section_;  // the root's key
  ChartVersions* chart_ = nullptr;
  bool is_list_ = false;  // the wanted chart's value
  std::optional<Draft> draft_;
  std::string field_;  // empty: one that does not matter
  bool has_version_ = false;
  std::size_t kept_bytes_ = 0;
};

// A source whose first byte that is no blank was looked at.
class PeekedSource final : public Source {
 public:
  explicit PeekedSource(Source& source) : source_(source) {
    count_ = source_.read(std::as_writable_bytes(std::span(head_)));
  }

  bool begins_with(char c) const {
    std::string_view text(head_.data(), count_);
    if (text.starts_with("\uFEFF"))
      text.remove_prefix(3);
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == c;
  }

  bool empty() const { return count_ == 0; }

  std::size_t read(std::span<std::byte> into) override {
    if (at_ == count_)
      return source_.read(into);
    const std::size_t count = std::min(into.size(), count_ - at_);
    const auto bytes = std::as_bytes(std::span(head_)).subspan(at_, count);
    std::copy(bytes.begin(), bytes.end(), into.begin());
    at_ += count;
    return count;
  }

 private:
  Source& source_;
  std::array<char, 4096> head_;
  std::size_t count_ = 0;
  std::size_t at_ = 0;
};

bool means_the_same(const Version& a, const Version& b) { return a.str() == b.str(); }

}  // namespace

bool usable_version(std::string_view text) {
  return Version::parse_loose(text) && valid_tag(tag_of_version(text));
}

RepositoryIndex read_repository_index(Source& source, const std::set<std::string>& names) {
  PeekedSource peeked(source);
  if (peeked.empty())
    refuse("is empty");
  IndexReader reader(names);
  if (peeked.begins_with('{'))
    read_json_events(peeked, reader);
  else
    read_yaml_events(peeked, reader);
  return reader.take();
}

const IndexEntry* find_version(const ChartVersions& versions, std::string_view version) {
  const auto& entries = versions.entries;
  auto found = std::find_if(entries.begin(), entries.end(),
                            [&](const IndexEntry& entry) { return entry.version == version; });
  const auto wanted = Version::parse_loose(version);
  if (found == entries.end() && wanted)
    found = std::find_if(entries.begin(), entries.end(), [&](const IndexEntry& entry) {
      return means_the_same(*Version::parse_loose(entry.version), *wanted);
    });
  return found == entries.end() ? nullptr : &*found;
}

const IndexEntry* highest_version(const ChartVersions& versions, const VersionRange& range,
                                  const std::optional<std::regex>& tag_filter) {
  const IndexEntry* best = nullptr;
  std::optional<Version> best_version;
  for (const IndexEntry& entry : versions.entries) {
    const auto version = Version::parse_loose(entry.version);
    if (!version || !range.contains(*version) || (best_version && *version <= *best_version))
      continue;
    if (tag_filter && !std::regex_match(tag_of_version(entry.version), *tag_filter))
      continue;
    best = &entry;
    best_version = version;
  }
  return best;
}

std::optional<Url> repository_file(const Url& repository, std::string_view file, std::string& why) {
  std::string folder = repository.path();
  if (!folder.ends_with('/'))
    folder += '/';
  auto url = repository.with_path(folder).resolve(file, &why);
  const bool absolute = file.find("://") < file.find_first_of("/?#");
  if (!url || absolute || repository.query().empty() || url->origin() != repository.origin())
    return url;
  return Url::parse(url->with_path(url->path()).str() + "?" + repository.query(), &why);
}

}  // namespace ocisync
