#include "app/man_page.h"

#include <string_view>

#include <fmt/format.h>

namespace ocisync {
namespace {

// Text that roff prints as it stands. No text of ours begins a line with a dot or an apostrophe.
std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

std::string man_page(const std::vector<Command>& commands) {
  std::string page =
      ".TH OCISYNC 1 \"\" \"ocisync " OCISYNC_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\nocisync \\- keeps Helm charts from OCI registries as directories on a volume\n"
      ".SH SYNOPSIS\n.B ocisync\n[sync] \\-\\-config FILE\n.br\n.B ocisync\nCOMMAND ...\n"
      ".SH COMMANDS\n";
  for (const Command& command : commands) {
    page += fmt::format(".SS \"{}\"\n\\&{}.\n", plain(command.path), plain(command.summary));
    for (const Flag& flag : command.flags) {
      const std::string letter = flag.letter == '\0' ? "" : fmt::format("\\-{}, ", flag.letter);
      const std::string name = flag.positional ? plain(flag.name) : "\\-\\-" + plain(flag.name);
      page += fmt::format(".TP\n\\fB{}{}\\fR{}{}\n\\&{}\n", letter, name,
                          flag.value.empty() || flag.positional ? "" : " ",
                          flag.positional ? "" : plain(flag.value), plain(flag.help));
    }
  }
  return page +
         ".SH ENVIRONMENT\nA flag of sync, \\-\\-foo\\-bar, is also OCISYNC_FOO_BAR; the flag "
         "wins.\n"
         ".SH EXIT STATUS\n"
         ".TP\n0\nevery required chart is in place\n"
         ".TP\n1\na required chart is not, and a retry may help\n"
         ".TP\n2\nthe command line, the spec or a volume is wrong; no registry was contacted\n"
         ".TP\n3\na required chart is not, and only a change helps\n"
         ".TP\n4\ndiff or lock \\-\\-check found differences\n"
         ".TP\n128+N\nended by signal N\n";
}

}  // namespace ocisync
