#ifndef GITOPS_COMMON_SERVER_ADDRESS_FILE_H_
#define GITOPS_COMMON_SERVER_ADDRESS_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace gitops {

// Where a program serves, as clients dial it ("HOST:PORT" or "unix:PATH"); empty: it does not.
struct ServedAddresses {
  std::string grpc;
  std::string http;
};

// Writes one line each, `grpc=ADDRESS` and `http=ADDRESS`, so that a reader sees the whole file or
// the one before. Errors name the path: NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED…
absl::Status WriteAddressFile(const std::string& path, const ServedAddresses& addresses);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_ADDRESS_FILE_H_
