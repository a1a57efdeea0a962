"""The local stack: real servers and Orderlog's programs as plain processes, without a container engine.

layout      where a stack keeps its files, and which ports it has
process     one detached process: start, pid file, stop
health      what it means that a server answers
service     the shape of a row in the tables below
servers     the table of the servers: Kafka, a search engine, the schema registry, the MongoDB stand-in
programs    the table of Orderlog's own programs and the gateway
addresses   what the user has set to servers of his own
supervisor  up, down, restart: rows to processes
watcher     stops a stack when the process that wanted it is gone
cli         the command line
"""
