# Each test method of the *_test.py in a folder becomes a ctest of its own: <folder>.<file>.<method>.
# More arguments are environment, NAME=value.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
function(stories folder module_prefix)
  get_filename_component(part ${folder} NAME)
  file(GLOB stories CONFIGURE_DEPENDS ${folder}/*_test.py)
  foreach(file ${stories})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(module ${file} NAME_WE)
    string(REGEX REPLACE "_test$" "" story ${module})
    file(STRINGS ${file} lines REGEX "^(class [A-Za-z]+\\(|    def test_)")
    foreach(line ${lines})
      if(line MATCHES "^class ([A-Za-z]+)")
        set(class ${CMAKE_MATCH_1})
      elseif(line MATCHES "def (test_[a-z0-9_]+)")
        set(method ${CMAKE_MATCH_1})
        string(REGEX REPLACE "^test_" "" title ${method})
        add_test(NAME ${part}.${story}.${title}
                 COMMAND ${Python3_EXECUTABLE} -m unittest ${module_prefix}.${module}.${class}.${method}
                 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
        set_tests_properties(${part}.${story}.${title} PROPERTIES
          LABELS integration TIMEOUT 180
          ENVIRONMENT "OCISYNC_BINARY=$<TARGET_FILE:ocisync>;PYTHONDONTWRITEBYTECODE=1;${ARGN}")
      endif()
    endforeach()
  endforeach()
endfunction()
