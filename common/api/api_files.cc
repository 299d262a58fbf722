#include "common/api/api_files.h"

#include <algorithm>

#include "gitops/v1/planner.pb.h"
#include "gitops/v1/promotion.pb.h"
#include "gitops/v1/report.pb.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::ServiceDescriptor;

// Adds `file`, and the files of the API that it imports.
void AddFiles(const FileDescriptor* file, std::vector<const FileDescriptor*>& files) {
  if (file->package() != "gitops.v1") return;
  if (std::find(files.begin(), files.end(), file) != files.end()) return;
  files.push_back(file);
  for (int i = 0; i < file->dependency_count(); ++i) AddFiles(file->dependency(i), files);
}

// Adds `type`, and the messages declared in it.
void AddMessages(const Descriptor* type, std::vector<const Descriptor*>& messages) {
  if (type->options().map_entry()) return;
  messages.push_back(type);
  for (int i = 0; i < type->nested_type_count(); ++i) AddMessages(type->nested_type(i), messages);
}

}  // namespace

std::vector<const FileDescriptor*> ApiFiles() {
  std::vector<const FileDescriptor*> files;
  AddFiles(v1::ListHostsRequest::descriptor()->file(), files);
  AddFiles(v1::ReportRequest::descriptor()->file(), files);
  AddFiles(v1::ReceiveEventsRequest::descriptor()->file(), files);
  return files;
}

std::vector<const ServiceDescriptor*> ApiServices() {
  std::vector<const ServiceDescriptor*> services;
  for (const FileDescriptor* file : ApiFiles()) {
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return services;
}

std::vector<const Descriptor*> ApiMessages() {
  std::vector<const Descriptor*> messages;
  for (const FileDescriptor* file : ApiFiles()) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      AddMessages(file->message_type(i), messages);
    }
  }
  return messages;
}

}  // namespace gitops
