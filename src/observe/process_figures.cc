#include "observe/process_figures.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

namespace ocisync {
namespace {

// Fields of /proc/self/stat, counted from the one after the name in parentheses (proc(5) calls it
// the third).
constexpr std::size_t kUserTime = 11;
constexpr std::size_t kSystemTime = 12;
constexpr std::size_t kStartTime = 19;
constexpr std::size_t kVirtualBytes = 20;
constexpr std::size_t kResidentPages = 21;

std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos)
    return {};
  std::istringstream rest(line.substr(name_end + 1));
  std::vector<double> fields;
  for (std::string word; rest >> word;)
    fields.push_back(std::strtod(word.c_str(), nullptr));
  return fields;
}

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  std::string key;
  while (file >> key) {
    double value = 0;
    if (key == "btime" && file >> value)
      return value;
    file.ignore(1 << 20, '\n');
  }
  return std::nullopt;
}

std::optional<double> count_open_fds() {
  try {
    const auto directory = Directory::open_if_exists("/proc/self/fd");
    if (!directory)
      return std::nullopt;
    return static_cast<double>(directory->names().size()) - 2;  // without the two that look
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures figures;
  const std::vector<double> fields = stat_fields();
  if (fields.size() > kResidentPages) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    figures.cpu_seconds = (fields[kUserTime] + fields[kSystemTime]) / ticks;
    figures.virtual_bytes = fields[kVirtualBytes];
    figures.resident_bytes = fields[kResidentPages] * static_cast<double>(::sysconf(_SC_PAGESIZE));
    if (const auto boot = boot_time())
      figures.start_seconds = *boot + fields[kStartTime] / ticks;
  }
  figures.open_fds = count_open_fds();

  struct rlimit limit {};

  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    figures.max_fds = static_cast<double>(limit.rlim_cur);
  return figures;
}

}  // namespace ocisync
