# SPDX-License-Identifier: Apache-2.0
"""A user without any .proto file: services are found through reflection, health is asked, server info is read."""

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def call(channel, pool, service_name, method, **fields):
    """Calls a unary RPC knowing only its name."""
    rpc = pool.FindServiceByName(service_name).FindMethodByName(method)
    request = message_factory.GetMessageClass(rpc.input_type)(**fields)
    answer = message_factory.GetMessageClass(rpc.output_type)
    return channel.unary_unary(
        f"/{service_name}/{method}", request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString,
    )(request)


def reflected_pool(channel):
    return descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))


def test_reflection_lists_every_service(channel):
    services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    ours = {f"cvxnn.v1.{name}Service" for name in ("Dataset", "Job", "Model", "Server")}
    assert ours | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"} <= services


def test_health_is_serving_for_the_server_and_each_service(channel):
    # gRPC's own health service has no descriptor in the server, so its messages come from PyPI's package.
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "cvxnn.v1.JobService"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == health_pb2.HealthCheckResponse.SERVING


def test_server_info_can_be_read_without_stubs(channel):
    info = call(channel, reflected_pool(channel), "cvxnn.v1.ServerService", "GetServerInfo")
    assert info.version
    assert [device.name for device in info.devices][0] == "cpu"


def test_an_unknown_rpc_is_unimplemented(channel):
    try:
        channel.unary_unary("/cvxnn.v1.JobService/Nonsense")(b"")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    else:
        raise AssertionError("an unknown RPC succeeded")
