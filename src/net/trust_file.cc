#include "net/trust_file.h"

#include <array>

#include <unistd.h>

namespace ocisync {
namespace {

constexpr auto kUsualPlaces = std::to_array<const char*>({
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
});

}  // namespace

std::string find_trust_file(const Environment& environment) {
  if (auto named = environment("SSL_CERT_FILE"); named && !named->empty())
    return *std::move(named);
  for (const char* const place : kUsualPlaces)
    if (::access(place, R_OK) == 0)
      return place;
  return "";
}

}  // namespace ocisync
