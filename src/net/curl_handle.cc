#include "net/curl_handle.h"

#include <new>

#include <fmt/format.h>

#include "base/error.h"

namespace ocisync {

CurlLibrary::CurlLibrary() {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    throw Error(Reason::internal, "libcurl did not start");
}

CurlHandle::CurlHandle() : handle_(curl_easy_init()) {
  if (!handle_)
    throw std::bad_alloc();
  reset();
}

void CurlHandle::require(CURLcode code, CURLoption option) {
  if (code == CURLE_OUT_OF_MEMORY)
    throw std::bad_alloc();
  if (code != CURLE_OK)
    throw Error(Reason::internal, fmt::format("curl refused option {}: {}",
                                              static_cast<int>(option), curl_easy_strerror(code)));
}

void CurlHandle::set_blob(CURLoption option, std::string_view bytes) {
  curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
  set(option, &blob);
}

void CurlHandle::add_header(const std::string& line) {
  curl_slist* const longer = curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr)
    throw std::bad_alloc();
  if (!headers_)
    headers_.reset(longer);
}

long CurlHandle::number(CURLINFO info) const noexcept {
  long value = 0;
  curl_easy_getinfo(handle_.get(), info, &value);
  return value;
}

curl_off_t CurlHandle::offset(CURLINFO info) const noexcept {
  curl_off_t value = 0;
  curl_easy_getinfo(handle_.get(), info, &value);
  return value;
}

int CurlHandle::http_version() const noexcept {
  switch (number(CURLINFO_HTTP_VERSION)) {
    case CURL_HTTP_VERSION_1_0:
      return 10;
    case CURL_HTTP_VERSION_2_0:
      return 20;
    default:
      return 11;
  }
}

void CurlHandle::reset() noexcept {
  curl_easy_reset(handle_.get());
  headers_.reset();
  error_[0] = '\0';
  curl_easy_setopt(handle_.get(), CURLOPT_ERRORBUFFER, error_.data());
}

}  // namespace ocisync
