#pragma once

#include <array>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "base/handle.h"

namespace ocisync {

// libcurl's global state. It counts these, so several may live at a time.
class CurlLibrary {
 public:
  CurlLibrary();

  ~CurlLibrary() { curl_global_cleanup(); }

  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;
};

// One easy handle with what curl only borrows from us: its header list and its error text. Used
// over and over; reset() leaves nothing of the last request behind. Stays where it is, because curl
// knows its address.
class CurlHandle {
 public:
  CurlHandle();
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  CURL* get() const noexcept { return handle_.get(); }

  // Throws Error(internal) when this libcurl does not know the option, or refuses the value.
  template <typename T>
  void set(CURLoption option, T value) {
    require(curl_easy_setopt(handle_.get(), option, value), option);
  }

  // For what is only a wish.
  template <typename T>
  void prefer(CURLoption option, T value) noexcept {
    curl_easy_setopt(handle_.get(), option, value);
  }

  void set(CURLoption option, const std::string& text) { set(option, text.c_str()); }

  // curl reads the bytes where they are, until reset().
  void set_blob(CURLoption option, std::string_view bytes);

  void add_header(const std::string& line);

  void use_headers() { set(CURLOPT_HTTPHEADER, headers_.get()); }

  long number(CURLINFO info) const noexcept;        // of the CURLINFO_LONG kind
  curl_off_t offset(CURLINFO info) const noexcept;  // of the CURLINFO_OFF_T kind

  int http_version() const noexcept;  // of the answer: 10, 11, 20

  std::string_view error_text() const noexcept { return error_.data(); }

  void reset() noexcept;

 private:
  static void require(CURLcode code, CURLoption option);

  std::array<char, CURL_ERROR_SIZE> error_{};
  Owner<curl_slist, &curl_slist_free_all> headers_;
  Owner<CURL, &curl_easy_cleanup> handle_;
};

}  // namespace ocisync
