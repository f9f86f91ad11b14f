#include "spec/reading.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"

namespace ocisync {

std::string quote_value(std::string_view written) {
  if (written.find('@') != std::string_view::npos)
    return "the value";
  return fmt::format("\"{}\"", printable(written, 80));
}

Reading::Inside Reading::inside(std::string_view key) {
  place_.push_back({key, std::nullopt});
  return Inside(*this);
}

Reading::Inside Reading::inside(std::size_t index) {
  place_.push_back({{}, index});
  return Inside(*this);
}

std::string Reading::path() const {
  std::string text;
  for (const Step& step : place_) {
    if (step.index)
      text += fmt::format("[{}]", *step.index);
    else
      text += fmt::format("{}{}", text.empty() ? "" : ".", printable(step.key, 80));
  }
  return text;
}

void Reading::complain(const Position& at, std::string message) {
  complain(at, path(), std::move(message));
}

void Reading::complain(const Position& at, std::string path, std::string message) {
  problems_.push_back({at, std::move(path), std::move(message)});
}

void Reading::warn(const Position& at, std::string_view message) {
  warnings_.push_back(fmt::format("{}: {}: {}", position(at), path(), message));
}

void Reading::refuse(const Scalar& scalar, const Shape& shape) {
  const bool credentials = scalar.written.find('@') != std::string::npos;
  complain(scalar.at,
           fmt::format("{} is not {} ({}{})", quote_value(scalar.written), shape.noun,
                       shape.allowed, credentials ? "; credentials have fields of their own" : ""));
}

std::optional<Scalar> Reading::scalar(const YamlValue& value, const Shape& shape) {
  if (!value.is_scalar()) {
    complain(value.at, fmt::format("is not {} ({})", shape.noun,
                                   shape.allowed.empty() ? "a single text" : shape.allowed));
    return std::nullopt;
  }
  Expansion expansion = expand_variables(value.text, environment_);
  for (std::string& complaint : expansion.complaints)
    complain(value.at, std::move(complaint));
  if (!expansion.complaints.empty())
    return std::nullopt;
  if (expansion.text.empty()) {
    complain(value.at,
             fmt::format("is empty{} (give it {}, or remove the key)",
                         expansion.expanded ? " once its variables are put in" : "", shape.noun));
    return std::nullopt;
  }
  return Scalar{std::move(expansion.text), value.text, value.quoted && !expansion.expanded,
                value.at};
}

void Reading::claim(const Position& at) {
  const bool in_list =
      std::any_of(place_.begin(), place_.end(), [](const Step& step) { return step.index; });
  if (in_list)
    return;
  const auto [first, is_new] = claimed_.try_emplace(path(), at);
  if (!is_new && first->second.file != at.file)
    complain(at, fmt::format("is set at {} too (only one of the files may set it)",
                             position(first->second)));
}

std::filesystem::path Reading::resolve(const std::string& file, const Position& written_at) const {
  const std::filesystem::path& base = sources_.at(static_cast<std::size_t>(written_at.file)).base;
  return (base / file).lexically_normal();
}

std::vector<SpecProblem> Reading::take_problems() {
  const auto order = [](const SpecProblem& problem) {
    return std::tuple(problem.at.file, problem.at.line, problem.at.column);
  };
  std::stable_sort(problems_.begin(), problems_.end(),
                   [&](const SpecProblem& a, const SpecProblem& b) { return order(a) < order(b); });
  return std::move(problems_);
}

}  // namespace ocisync
