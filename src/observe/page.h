#pragma once

#include <string_view>

namespace ocisync {

// A file of src/observe/page, as it was when the program was built.
struct PageFile {
  std::string_view path;  // as served: "/", "/page.js", "/page.css"
  std::string_view content_type;
  std::string_view bytes;
};

// Null: there is no such file.
const PageFile* find_page_file(std::string_view path);

}  // namespace ocisync
