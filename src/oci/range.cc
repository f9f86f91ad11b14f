#include <algorithm>
#include <array>

#include "oci/grammar.h"
#include "oci/reference.h"
#include "oci/version.h"

// Ranges as Masterminds/semver 3.4 reads them, its oddities included: "^*" is 0.0.0 alone, "~0.0.0"
// is everything, and ">=1.0.0-0 <2.5.0" admits 2.5.0-beta.2. Whoever moves a version from Helm's
// command line into a spec must get the same chart. (Only hyphen ranges are read where they stand:
// the original rewrites the text first, and trips over "1 2 - 3" and "1||2 - 3".)

namespace ocisync {
namespace {

constexpr std::size_t kMaxRange = 256;

enum class Operator { equal, not_equal, greater, less, at_least, at_most, tilde, caret };

struct Spelling {
  std::string_view text;
  Operator meaning;
};

// Longer ones first: the first that fits is taken.
constexpr std::array<Spelling, 11> kOperators = {{
    {"!=", Operator::not_equal},
    {">=", Operator::at_least},
    {"=>", Operator::at_least},
    {"<=", Operator::at_most},
    {"=<", Operator::at_most},
    {"~>", Operator::tilde},
    {"=", Operator::equal},
    {">", Operator::greater},
    {"<", Operator::less},
    {"~", Operator::tilde},
    {"^", Operator::caret},
}};

// How much of its version a comparator fixes; what is missing or a wildcard reads as zero.
enum class Precision { none, major, minor, full };

struct Comparator {
  Operator op;
  Precision precision;
  Version bound;

  bool admits(const Version& version) const;

  bool same_major(const Version& version) const { return version.major() == bound.major(); }

  bool same_minor(const Version& version) const {
    return same_major(version) && version.minor() == bound.minor();
  }

  bool equal(const Version& version) const;
  bool unequal(const Version& version) const;
  bool greater(const Version& version) const;
  bool at_most(const Version& version) const;
  bool tilde(const Version& version) const;
  bool caret(const Version& version) const;
};

bool Comparator::equal(const Version& version) const {
  return precision == Precision::full ? version == bound : tilde(version);
}

bool Comparator::unequal(const Version& version) const {
  if (precision == Precision::major)
    return !same_major(version);
  if (precision == Precision::minor)
    return !same_minor(version) || version.prerelease() != bound.prerelease();
  return version != bound;
}

// ">1" starts at 2.0.0, ">1.2" at 1.3.0.
bool Comparator::greater(const Version& version) const {
  if (precision == Precision::major)
    return version.major() > bound.major();
  if (precision == Precision::minor)
    return version > bound && !same_minor(version);
  return version > bound;
}

// "<=1" reaches to the last 1.x.y.
bool Comparator::at_most(const Version& version) const {
  switch (precision) {
    case Precision::major:
      return version < bound || same_major(version);
    case Precision::none:
    case Precision::minor:
      return version < bound || same_minor(version);
    case Precision::full:
      break;
  }
  return version <= bound;
}

bool Comparator::tilde(const Version& version) const {
  const bool zero = bound.major() == 0 && bound.minor() == 0 && bound.patch() == 0;
  const bool everything = zero && (precision == Precision::none || precision == Precision::full);
  const bool alike = precision == Precision::major ? same_major(version) : same_minor(version);
  return version >= bound && (everything || alike);
}

// The leftmost part that is not zero stays; of zeros, the last that was given does.
bool Comparator::caret(const Version& version) const {
  if (version < bound)
    return false;
  if (bound.major() > 0 || precision == Precision::major)
    return same_major(version);
  if (bound.minor() > 0 || precision == Precision::minor)
    return same_minor(version);
  return same_minor(version) && version.patch() == bound.patch();
}

bool Comparator::admits(const Version& version) const {
  switch (op) {
    case Operator::equal:
      return equal(version);
    case Operator::not_equal:
      return unequal(version);
    case Operator::greater:
      return greater(version);
    case Operator::less:
      return version < bound;
    case Operator::at_least:
      return version >= bound;
    case Operator::at_most:
      return at_most(version);
    case Operator::tilde:
      return tilde(version);
    case Operator::caret:
      return caret(version);
  }
  return false;
}

// Comparators that must all hold.
struct Alternative {
  std::vector<Comparator> comparators;

  // One comparator that names a prerelease opens its whole alternative to prereleases.
  bool open_to_prereleases() const {
    return std::any_of(comparators.begin(), comparators.end(), [](const Comparator& comparator) {
      return !comparator.bound.prerelease().empty();
    });
  }

  bool admits(const Version& version) const {
    if (!version.prerelease().empty() && !open_to_prereleases())
      return false;
    return std::all_of(comparators.begin(), comparators.end(),
                       [&](const Comparator& comparator) { return comparator.admits(version); });
  }
};

[[noreturn]] void improper(std::string message) {
  throw Error(Reason::reference_invalid, std::move(message))
      .hint(
          "a range is made of versions such as 1.2.3, 1.2 or 1.x, the operators = != > < >= <= ~ "
          "^, a comma for \"and\", || for \"or\"; a tag that is no version belongs in the "
          "reference");
}

constexpr std::string_view kBlanks = " \t\n\f\r";

bool is_wildcard(std::string_view part) { return part == "x" || part == "X" || part == "*"; }

// From the first wildcard on, and where parts are missing, a version reads as zero; its prerelease
// stays.
std::optional<Comparator> read_comparator(Operator op, std::string_view word) {
  const std::size_t end = std::min(word.find_first_of("-+"), word.size());
  std::string_view numbers = word.substr(0, end);
  if (numbers.starts_with('v'))
    numbers.remove_prefix(1);
  std::string filled;
  std::size_t given = 0;
  bool open = false;
  for (const std::string_view part : split(numbers, '.')) {
    if (part.empty() || (!is_wildcard(part) && !only(part, is_digit)))
      return std::nullopt;
    open = open || is_wildcard(part);
    given += open ? 0 : 1;
    filled += fmt::format("{}{}", filled.empty() ? "" : ".", open ? "0" : part);
  }
  const auto bound = Version::parse_loose(filled + std::string(word.substr(end)));
  if (!bound)
    return std::nullopt;
  return Comparator{op, static_cast<Precision>(given), *bound};
}

// Reads one alternative from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Alternative read() {
    skip_blanks();
    read_item();
    while (next_item())
      read_item();
    return std::move(alternative_);
  }

 private:
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }

  // Past a comma or blanks; false at the end.
  bool next_item() {
    const std::size_t before = rest_.size();
    skip_blanks();
    if (rest_.empty())
      return false;
    if (rest_.front() == ',')
      rest_.remove_prefix(1);
    else if (rest_.size() == before)
      improper(fmt::format("{} follows a version directly", in_quotes(rest_)));
    skip_blanks();
    return true;
  }

  // A comparator, or two versions with a hyphen that stands free between them.
  void read_item() {
    const std::optional<Operator> op = read_operator();
    skip_blanks();
    const std::string_view first = read_word();
    if (!op && skip_hyphen()) {
      add(Operator::at_least, first);
      add(Operator::at_most, read_word());
    } else {
      add(op.value_or(Operator::equal), first);
    }
  }

  std::optional<Operator> read_operator() {
    for (const Spelling& spelling : kOperators) {
      if (!rest_.starts_with(spelling.text))
        continue;
      rest_.remove_prefix(spelling.text.size());
      return spelling.meaning;
    }
    return std::nullopt;
  }

  std::string_view read_word() {
    const auto in_word = [](char c) { return is_alnum(c) || one_of(c, ".*+-"); };
    const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), in_word);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    if (word.empty())
      improper(rest_.empty() ? std::string("a version is missing at the end")
                             : fmt::format("{} stands where a version should", in_quotes(rest_)));
    rest_.remove_prefix(word.size());
    return word;
  }

  bool skip_hyphen() {
    const std::size_t at = std::min(rest_.find_first_not_of(kBlanks), rest_.size());
    const std::string_view hyphen = rest_.substr(at);
    if (at == 0 || hyphen.size() < 2 || hyphen[0] != '-' || !one_of(hyphen[1], kBlanks))
      return false;
    rest_ = hyphen.substr(1);
    skip_blanks();
    return true;
  }

  void add(Operator op, std::string_view word) {
    const std::optional<Comparator> comparator = read_comparator(op, word);
    if (!comparator)
      improper(fmt::format("{} is not a version", in_quotes(word)));
    alternative_.comparators.push_back(*comparator);
  }

  std::string_view rest_;
  Alternative alternative_;
};

}  // namespace

struct VersionRange::Alternatives {
  std::vector<Alternative> list;
};

VersionRange VersionRange::parse(std::string_view text) {
  if (text.size() > kMaxRange)
    improper(fmt::format("the version range is longer than {} bytes", kMaxRange));
  Alternatives alternatives;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find("||", start), text.size());
    alternatives.list.push_back(Reader(text.substr(start, end - start)).read());
    start = end + 2;
  }
  VersionRange range;
  range.alternatives_ = std::make_shared<const Alternatives>(std::move(alternatives));
  return range;
}

VersionRange VersionRange::any_stable() { return parse("*"); }

bool VersionRange::contains(const Version& version) const {
  const std::vector<Alternative>& list = alternatives_->list;
  return std::any_of(list.begin(), list.end(),
                     [&](const Alternative& alternative) { return alternative.admits(version); });
}

std::optional<std::string> highest_tag(const std::vector<std::string>& tags,
                                       const VersionRange& range, std::string_view range_text) {
  const std::string* best = nullptr;
  std::optional<Version> best_version;
  for (const std::string& tag : tags) {
    const std::string text = version_of_tag(tag);
    if (tag == range_text || text == range_text)
      return tag;
    const std::optional<Version> version = Version::parse(text);
    if (!version || !range.contains(*version))
      continue;
    const auto order = best == nullptr ? std::weak_ordering::greater : *version <=> *best_version;
    if (order > 0 || (order == 0 && tag > *best)) {
      best = &tag;
      best_version = version;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace ocisync
