#include "registry/select.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "oci/reference.h"

namespace ocisync {
namespace {

constexpr int kMaxDepth = 3;
constexpr std::size_t kMaxDocuments = 64;

constexpr std::string_view kTitle = "org.opencontainers.image.title";
constexpr std::string_view kVersion = "org.opencontainers.image.version";

bool is_index(const Descriptor& entry) {
  return entry.media_type == media_type::kIndex || entry.media_type == media_type::kDockerList;
}

bool is_manifest(const Descriptor& entry) {
  return entry.media_type == media_type::kManifest ||
         entry.media_type == media_type::kDockerManifest;
}

bool announces_chart(const Descriptor& entry) {
  return entry.artifact_type == media_type::kHelmConfig;
}

struct Candidate {
  SelectedChart chart;
  std::string name, version;  // as far as anything says; empty otherwise
};

// Walks an index for charts. An entry that cannot be read fails the search: it might be the one
// that makes the choice ambiguous.
class Search {
 public:
  explicit Search(const ReadDocument& read) : read_(read) {}

  void announced(const Index& index) {
    for (const Descriptor& entry : index.manifests)
      if (announces_chart(entry) && first_visit(entry))
        add(entry);
  }

  void everything(const Index& index, int depth = 1) {
    for (const Descriptor& entry : index.manifests) {
      if ((!is_manifest(entry) && !is_index(entry)) || !first_visit(entry))
        continue;
      if (is_manifest(entry)) {
        add(entry);
        continue;
      }
      if (depth == kMaxDepth)
        throw Error(Reason::limit_exceeded,
                    fmt::format("the index nests deeper than {} levels", kMaxDepth));
      const Document document = fetch(entry);
      if (const auto* nested = std::get_if<Index>(&document))
        everything(*nested, depth + 1);
    }
  }

  std::vector<Candidate> take() { return std::move(found_); }

 private:
  bool first_visit(const Descriptor& entry) { return visited_.insert(entry.digest).second; }

  std::string read(const Descriptor& descriptor) {
    if (++documents_ > kMaxDocuments)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the index leads to more than {} documents", kMaxDocuments));
    return read_(descriptor);
  }

  Document fetch(const Descriptor& entry) { return parse_document(read(entry), entry.media_type); }

  // An entry whose manifest is not a chart's is none of our business.
  std::optional<Manifest> chart_manifest(const Descriptor& entry) {
    const std::string bytes = read(entry);
    try {
      Document document = parse_document(bytes, entry.media_type);
      auto* manifest = std::get_if<Manifest>(&document);
      if (manifest && manifest->config.media_type == media_type::kHelmConfig)
        return std::move(*manifest);
    } catch (const Error& error) {
      if (error.reason() != Reason::unsupported)
        throw;
    }
    return std::nullopt;
  }

  void add(const Descriptor& entry) {
    const auto manifest = chart_manifest(entry);
    if (!manifest)
      return;
    Candidate candidate{{entry, recognise_chart(*manifest)}, "", ""};
    const auto take = [&](const Annotations& annotations) {
      if (const auto title = annotations.find(std::string(kTitle));
          title != annotations.end() && candidate.name.empty())
        candidate.name = title->second;
      if (const auto version = annotations.find(std::string(kVersion));
          version != annotations.end() && candidate.version.empty())
        candidate.version = version->second;
    };
    take(entry.annotations);
    take(manifest->annotations);
    found_.push_back(std::move(candidate));
  }

  const ReadDocument& read_;
  std::set<Digest> visited_;
  std::size_t documents_ = 0;
  std::vector<Candidate> found_;
};

// A chart's config blob holds what Chart.yaml does; asked only when no annotation tells.
void consult_config(Candidate& candidate, const ReadDocument& read) {
  if (!candidate.name.empty() && !candidate.version.empty())
    return;
  const Json config = Json::parse(read(candidate.chart.chart.config));
  const auto take = [&](std::string& into, std::string_view key) {
    if (const std::string* value = config.find_string(key); value && into.empty())
      into = *value;
  };
  take(candidate.name, "name");
  take(candidate.version, "version");
}

// Keeps those that fit, unless none does.
template <typename Fits>
void narrow(std::vector<Candidate>& candidates, Fits fits) {
  if (std::any_of(candidates.begin(), candidates.end(), fits))
    std::erase_if(candidates, [&](const Candidate& each) { return !fits(each); });
}

std::string list_of(const std::vector<Candidate>& candidates) {
  std::string text;
  for (const Candidate& each : candidates)
    text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", printable(each.name, 64),
                        printable(each.version, 64), each.chart.manifest.digest.str());
  return text;
}

}  // namespace

SelectedChart select_chart(const Index& index, std::string_view wanted_name,
                           std::string_view wanted_version, const ReadDocument& read) {
  Search search(read);
  const bool announced =
      std::any_of(index.manifests.begin(), index.manifests.end(), announces_chart);
  if (announced)
    search.announced(index);
  else
    search.everything(index);
  std::vector<Candidate> candidates = search.take();
  if (candidates.empty())
    throw Error(Reason::unsupported, "the index holds no Helm chart");
  if (candidates.size() > 1) {
    for (Candidate& each : candidates)
      consult_config(each, read);
    narrow(candidates, [&](const Candidate& each) { return each.name == wanted_name; });
    narrow(candidates, [&](const Candidate& each) {
      return each.version == wanted_version || tag_of_version(each.version) == wanted_version;
    });
  }
  if (candidates.size() > 1)
    throw Error(Reason::ambiguous_chart, fmt::format("the index holds {} charts: {}",
                                                     candidates.size(), list_of(candidates)))
        .hint("name one by its digest");
  return candidates.front().chart;
}

}  // namespace ocisync
