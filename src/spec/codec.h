#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "spec/reading.h"
#include "spec/shape.h"

namespace ocisync {

// A type of the spec file: how it is described, how it is read, and how a value of it is written.
template <typename T>
struct Codec {
  Shape shape;
  // Absent: a complaint was made.
  std::function<std::optional<T>(Reading&, const YamlValue&)> parse;
  std::function<Json(const T&)> show;
};

// A text that matches `pattern` (ECMAScript) as a whole.
struct TextRule {
  std::string noun;
  std::string allowed;
  std::string pattern;
  std::size_t most_bytes = 255;
};

Codec<std::string> any_text(std::string noun, std::string allowed);
Codec<std::string> text(TextRule rule);
Codec<bool> flag();
Codec<std::uint64_t> count(std::uint64_t least, std::uint64_t most);
Codec<std::uint64_t> percent();                  // "10%"
Codec<std::uint64_t> size(std::uint64_t least);  // bytes
Codec<Duration> duration(Duration least);        // up to ten years, so that sums stay in range
Codec<std::filesystem::path> file();             // made absolute from the folder of its spec file
Codec<std::string> environment_name();

// What a choice is called in the file, and whether this version does it already.
template <typename T>
struct Named {
  T value;
  Json name;
  bool not_yet = false;
};

// The index of the choice that was written; absent with a complaint.
std::optional<std::size_t> parse_choice(Reading& reading, const YamlValue& value,
                                        const Shape& shape);
Shape choice_shape(std::string noun, std::vector<Choice> choices);

template <typename T>
Codec<T> choice(std::string noun, const std::vector<Named<T>>& names) {
  std::vector<Choice> choices;
  for (const Named<T>& name : names)
    choices.push_back({name.name, name.not_yet});
  Shape shape = choice_shape(std::move(noun), std::move(choices));
  const auto parse = [shape, names](Reading& reading, const YamlValue& value) -> std::optional<T> {
    const auto index = parse_choice(reading, value, shape);
    return index ? std::optional<T>(names[*index].value) : std::nullopt;
  };
  const auto show = [names](const T& value) {
    for (const Named<T>& name : names)
      if (name.value == value)
        return name.name;
    return Json();
  };
  return {shape, parse, show};
}

Shape list_shape(Shape item);
bool is_list(Reading& reading, const YamlValue& value);  // false with a complaint

template <typename T>
Codec<std::vector<T>> list_of(Codec<T> item) {
  Shape shape = list_shape(item.shape);
  const auto parse = [item](Reading& reading,
                            const YamlValue& value) -> std::optional<std::vector<T>> {
    if (!is_list(reading, value))
      return std::nullopt;
    std::vector<T> values;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const auto place = reading.inside(i);
      if (auto parsed = item.parse(reading, value.items[i]))
        values.push_back(std::move(*parsed));
    }
    return values;
  };
  const auto show = [item](const std::vector<T>& values) {
    Json shown = values.empty() ? Json() : Json::array();
    for (const T& value : values)
      shown.add(item.show(value));
    return shown;
  };
  return {shape, parse, show};
}

}  // namespace ocisync
