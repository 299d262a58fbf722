#ifndef GITOPS_COMMON_SERVER_ADDRESS_FILE_H_
#define GITOPS_COMMON_SERVER_ADDRESS_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace gitops {

// The addresses of a program for clients ("HOST:PORT" or "unix:PATH"); empty: it has none.
struct ServedAddresses {
  std::string grpc;
  std::string http;
  std::string join = {};  // where hosts join a planner
};

// Writes one line each, `grpc=ADDRESS`, `http=ADDRESS` and `join=ADDRESS`, atomically. Errors name
// the path: NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED…
absl::Status WriteAddressFile(const std::string& path, const ServedAddresses& addresses);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_ADDRESS_FILE_H_
