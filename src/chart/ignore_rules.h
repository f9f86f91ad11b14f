#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ocisync {

// What a chart's .helmignore keeps out of the chart, by Helm's rules: one pattern a line, "#"
// begins a comment, "!" turns a rule around (what does not match it is ignored), "/" at the end
// means directories only, "/" at the start or inside means the whole path, else the last name
// alone. The first rule that ignores a path decides. "templates/.?*" is always a rule.
class IgnoreRules {
 public:
  // Throws Error(chart_invalid) naming the line: "**" and patterns that cannot be read.
  static IgnoreRules parse(std::string_view text);

  // `path` is "/"-separated below the chart's directory. An ignored directory is not entered.
  bool ignores(std::string_view path, bool is_directory) const;

 private:
  struct Rule {
    std::string pattern;
    bool inverted = false;
    bool directories_only = false;
    bool whole_path = false;

    bool matches(std::string_view path) const;
  };

  void add(std::string_view line);

  std::vector<Rule> rules_;
};

// Shell patterns as Go's path.Match has them: "*" and "?" stop at "/", "[a-z]", "[^a]", "\" takes
// the next character as it is. `pattern` is sound.
bool glob_matches(std::string_view pattern, std::string_view text);
bool sound_glob(std::string_view pattern);

}  // namespace ocisync
