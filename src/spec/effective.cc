#include "spec/effective.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"
#include "base/yaml.h"
#include "spec/expansion.h"
#include "spec/problem.h"
#include "spec/shape.h"
#include "spec/yaml_word.h"

namespace ocisync {
namespace {

constexpr std::size_t kOriginColumn = 48;
constexpr std::string_view kMask = "***";

bool sounds_secret(std::string_view name) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"pass", "secret", "token", "key", "credential", "auth", "pwd"});
  const std::string lowered = lower(name);
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
    return lowered.find(word) != std::string::npos;
  });
}

// Whether a variable that sounds secret is put into the text.
bool takes_secret(std::string_view written) {
  for (std::size_t at = written.find("${"); at != std::string_view::npos;
       at = written.find("${", at + 2)) {
    const std::string_view rest = written.substr(at + 2);
    if (sounds_secret(rest.substr(0, rest.find_first_of(":}"))))
      return true;
  }
  return false;
}

// "https://user:password@host" shows neither.
std::string without_userinfo(std::string text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos)
    return text;
  const std::size_t end = std::min(text.find('/', scheme + 3), text.size());
  const std::size_t at = text.rfind('@', end);
  if (at != std::string::npos && at >= scheme + 3)
    text.replace(scheme + 3, at - scheme - 3, kMask);
  return text;
}

// What the files say of one place: a value of each file that has one.
using Values = std::vector<const YamlValue*>;

struct Place {
  std::string path;
  std::size_t indent = 0;
  bool dash = false;  // the next line opens an entry of a list
};

class EffectiveSpec {
 public:
  EffectiveSpec(const std::vector<SpecSource>& sources, const Environment& environment,
                const Elsewheres& elsewhere, const SpecNotes& notes)
      : sources_(sources), environment_(environment), elsewhere_(elsewhere), notes_(notes) {}

  void object(const Shape& shape, const Values& values, Place& place) {
    for (const FieldShape& field : shape.fields) {
      if (field.not_yet)
        continue;
      Values found;
      for (const YamlValue* value : values)
        if (const YamlValue* one = value->find(field.name); one != nullptr && !one->is_null())
          found.push_back(one);
      member(field, found, place);
    }
  }

  void note(const std::string& path, std::size_t indent) {
    if (const auto found = notes_.find(path); found != notes_.end())
      for (const std::string& line : found->second)
        text_ += fmt::format("{:{}}# {}\n", "", indent, printable(line, 1024));
  }

  std::string take() { return std::move(text_); }

 private:
  void member(const FieldShape& field, const Values& found, Place& place) {
    const std::string path =
        fmt::format("{}{}{}", place.path, place.path.empty() ? "" : ".", field.name);
    if (field.value.kind == ValueKind::object)
      return branch(field, path, place, [&](Place& inner) { object(field.value, found, inner); });
    if (field.value.kind == ValueKind::list && field.value.item.front().kind == ValueKind::object)
      return branch(field, path, place,
                    [&](Place& inner) { entries(field.value.item.front(), found, inner); });
    const auto other = elsewhere_.find(path);
    if (other != elsewhere_.end() && (other->second.overrides || found.empty()))
      line(place, field.name, as_yaml(other->second.value), other->second.origin);
    else if (!found.empty())
      line(place, field.name, written(field, *found.front()),
           describe_position(sources_, found.front()->at));
    else if (!field.fallback.is_null())
      line(place, field.name, as_yaml(field.fallback), "default");
  }

  // The key of a branch stands only above something.
  template <typename Fill>
  void branch(const FieldShape& field, const std::string& path, Place& place, Fill fill) {
    const std::size_t before = text_.size();
    note(path, place.indent);
    text_ += lead(place) + field.name + ":\n";
    const std::size_t filled = text_.size();
    Place inner{path, place.indent + 2};
    fill(inner);
    if (text_.size() == filled)
      text_.resize(before);
    else
      place.dash = false;
  }

  void entries(const Shape& shape, const Values& lists, Place& place) {
    std::size_t number = 0;
    for (const YamlValue* list : lists) {
      for (const YamlValue& item : list->items) {
        Place inner{fmt::format("{}[{}]", place.path, number++), place.indent + 2, true};
        note(inner.path, place.indent);
        object(shape, {&item}, inner);
      }
    }
  }

  std::string written(const FieldShape& field, const YamlValue& value) {
    if (value.is_sequence()) {
      Json items = Json::array();
      for (const YamlValue& item : value.items)
        items.add(text_of(field, field.value.item.front(), item));
      return as_yaml(items);
    }
    const std::string text = text_of(field, field.value, value);
    const bool plain =
        field.value.kind == ValueKind::flag || field.value.kind == ValueKind::count ||
        (field.value.kind == ValueKind::choice && (text == "true" || text == "false"));
    return plain ? text : as_yaml(text);
  }

  std::string text_of(const FieldShape& field, const Shape& shape, const YamlValue& value) const {
    Expansion expansion = expand_variables(value.text, environment_);
    if (expansion.expanded && (takes_secret(value.text) || sounds_secret(field.name)))
      return std::string(kMask);
    if (shape.path)
      return (sources_.at(static_cast<std::size_t>(value.at.file)).base / expansion.text)
          .lexically_normal()
          .string();
    return without_userinfo(std::move(expansion.text));
  }

  static std::string lead(const Place& place) {
    return place.dash ? fmt::format("{:{}}- ", "", place.indent - 2)
                      : std::string(place.indent, ' ');
  }

  void line(Place& place, std::string_view name, std::string_view value, std::string_view origin) {
    const std::string text = fmt::format("{}{}: {}", lead(place), name, value);
    place.dash = false;
    text_ += fmt::format("{:<{}}  # {}\n", text, kOriginColumn, printable(origin));
  }

  const std::vector<SpecSource>& sources_;
  const Environment& environment_;
  const Elsewheres& elsewhere_;
  const SpecNotes& notes_;
  std::string text_;
};

}  // namespace

std::string effective_spec(const std::vector<SpecSource>& sources, const Environment& environment,
                           const Elsewheres& elsewhere, const SpecNotes& notes) {
  std::vector<YamlValue> documents;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    YamlOptions options;
    options.file = static_cast<int>(i);
    std::vector<YamlProblem> problems;
    documents.push_back(parse_yaml(sources[i].text, options, problems));
  }
  Values values;
  for (const YamlValue& document : documents)
    values.push_back(&document);
  EffectiveSpec page(sources, environment, elsewhere, notes);
  page.note("", 0);
  Place top;
  page.object(spec_shape(), values, top);
  return page.take();
}

}  // namespace ocisync
