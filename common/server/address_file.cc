#include "common/server/address_file.h"

#include "absl/strings/str_cat.h"
#include "common/server/replace_file.h"

namespace gitops {

absl::Status WriteAddressFile(const std::string& path, const ServedAddresses& addresses) {
  std::string text;
  if (!addresses.grpc.empty()) absl::StrAppend(&text, "grpc=", addresses.grpc, "\n");
  if (!addresses.http.empty()) absl::StrAppend(&text, "http=", addresses.http, "\n");
  if (!addresses.join.empty()) absl::StrAppend(&text, "join=", addresses.join, "\n");
  // Readable by others: it contains nothing that a port scan would not show.
  return ReplaceFile(path, text, 0644);
}

}  // namespace gitops
