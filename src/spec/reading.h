#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "spec/expansion.h"
#include "spec/problem.h"
#include "spec/shape.h"
#include "spec/source.h"

namespace ocisync {

// A scalar as a field reads it: variables put in, and what was written before that for messages,
// since a variable may hold a secret.
struct Scalar {
  std::string text;
  std::string written;
  bool is_text = false;  // written in quotes: never a number or a boolean
  Position at;
};

// One loading of a spec, from the first file to the last check: where we are, and what was found
// wrong so far. One thread.
class Reading {
 public:
  Reading(const std::vector<SpecSource>& sources, const Environment& environment)
      : sources_(sources), environment_(environment) {}

  // A place in the document; it ends with the object.
  class Inside {
   public:
    explicit Inside(Reading& reading) : reading_(reading) {}

    ~Inside() { reading_.place_.pop_back(); }

    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Reading& reading_;
  };

  // `key` must outlive the place.
  [[nodiscard]] Inside inside(std::string_view key);
  [[nodiscard]] Inside inside(std::size_t index);

  // About the current place.
  void complain(const Position& at, std::string message);
  void complain(const Position& at, std::string path, std::string message);  // about another place
  void warn(const Position& at, std::string_view message);
  // "… is not a duration (such as 30s)"
  void refuse(const Scalar& scalar, const Shape& shape);

  // Text with variables put in. Absent, with a complaint, for anything but a scalar and for an
  // empty text.
  std::optional<Scalar> scalar(const YamlValue& value, const Shape& shape);

  // What stands at this place may be set by one file only. Lists whose entries are joined are
  // exempt.
  void claim(const Position& at);

  std::filesystem::path resolve(const std::string& file, const Position& written_at) const;

  std::string position(const Position& at) const { return describe_position(sources_, at); }

  std::vector<SpecProblem> take_problems();  // in file order

  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  struct Step {
    std::string_view key;
    std::optional<std::size_t> index;  // instead of the key
  };

  std::string path() const;

  const std::vector<SpecSource>& sources_;
  const Environment& environment_;
  std::vector<Step> place_;
  std::map<std::string, Position> claimed_;
  std::vector<SpecProblem> problems_;
  std::vector<std::string> warnings_;
};

// The value for a message; one that could hold a user and password is not repeated.
std::string quote_value(std::string_view written);

}  // namespace ocisync
