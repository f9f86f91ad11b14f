#include "spec/spec.h"

namespace ocisync {

std::string_view to_string(Layout layout) {
  switch (layout) {
    case Layout::symlink:
      return "symlink";
    case Layout::directory:
      return "directory";
    case Layout::snapshot:
      return "snapshot";
  }
  return "unknown";
}

std::string_view to_string(ExportFormat format) {
  switch (format) {
    case ExportFormat::directory:
      return "directory";
    case ExportFormat::archive:
      return "archive";
    case ExportFormat::both:
      return "both";
  }
  return "unknown";
}

}  // namespace ocisync
